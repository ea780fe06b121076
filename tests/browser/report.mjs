// What a script found out, told as one JSON document on standard output:
// { "passed": [step], "failed": [{ "step", "reason" }], "submitted": ["METHOD /path"] }.

/** A script that hangs ends here, so that its test fails and says where it stood. */
const SCRIPT_SECS_MAX = 240;

export class Report {
  passed = [];
  failed = [];
  submitted = new Set();
  current = 'the start';

  constructor() {
    const giveUp = (reason) => {
      this.failed.push({ step: `after ${this.current}`, reason: String(reason?.stack ?? reason) });
      this.end();
      process.exit(1);
    };
    process.on('uncaughtException', giveUp);
    process.on('unhandledRejection', giveUp);
    setTimeout(giveUp, SCRIPT_SECS_MAX * 1000, `not done after ${SCRIPT_SECS_MAX} s`).unref();
  }

  /** Does one step. A step that fails doesn't keep the later ones from being tried. */
  async step(name, act) {
    this.current = name;
    try {
      await act();
      this.passed.push(name);
    } catch (error) {
      this.failed.push({ step: name, reason: String(error.stack ?? error) });
    }
  }

  end() {
    const { passed, failed } = this;
    process.stdout.write(`${JSON.stringify({ passed, failed, submitted: [...this.submitted] })}\n`);
  }
}

/** Fails unless both are the same value or the same structure. */
export function assertEqual(found, wanted, what) {
  const [left, right] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (left !== right) throw new Error(`${what}: found ${left}, wanted ${right}`);
}

/** Fails unless it holds. */
export function assert(holds, what) {
  if (!holds) throw new Error(what);
}
