export default { test: { setupFiles: ["./kinglet.js"] } };
