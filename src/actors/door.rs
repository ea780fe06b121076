//! The way into an actor's mailbox, on which every message is timed and carries the request that it is for.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};

use actix::dev::ToEnvelope;
use actix::fut::ActorFuture;
use actix::{
    Actor, Addr, AsyncContext, Handler, Message, MessageResult, Recipient, ResponseActFuture,
    ResponseFuture,
};
use tokio::sync::oneshot;

use crate::clock::Tick;
use crate::telemetry::mailbox::{ActorFigures, ActorName, Done, MessageKind, Ticket, Watch, Work};
use crate::telemetry::{Telemetry, Trace};

/// The most messages that may wait for one actor, twice as many as there are connections by default. Those of requests
/// that were given up meanwhile count until the actor has come to them.
const MESSAGES_WAITING_MAX: usize = 8192;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DoorError {
    /// Too many messages wait.
    #[error("too much waits for an actor")]
    Busy,
    /// The actor is gone, or gave up the message.
    #[error("an actor is not there")]
    Closed,
}

/// An actor's address; clones lead to the same actor.
pub struct Door<A: Actor> {
    address: Addr<A>,
    figures: Arc<ActorFigures>,
    measures: bool,
}

impl<A: Actor> Clone for Door<A> {
    fn clone(&self) -> Self {
        Self {
            address: self.address.clone(),
            figures: Arc::clone(&self.figures),
            measures: self.measures,
        }
    }
}

impl<A: Watched> Door<A> {
    /// The door to an actor or a pool.
    pub fn new(address: Addr<A>, telemetry: &Telemetry, name: ActorName) -> Self {
        Self {
            address,
            figures: telemetry.actor(name),
            measures: telemetry.is_on(),
        }
    }

    /// Sends a message, now, and answers when its actor does.
    ///
    /// # Errors
    /// [`DoorError`]; when too many wait, the message isn't sent.
    pub fn send<M>(&self, message: M) -> Asked<M::Result>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
        <A as Handler<M>>::Result: Answers<A, M>,
        A::Context: ToEnvelope<A, Errand<A>>,
    {
        self.carry(|waiter| Box::new(Sent { message, waiter }))
    }

    /// Sends what an errand is made of, with the way back for its answer.
    pub(super) fn carry<T>(&self, errand: impl FnOnce(Waiter<T>) -> Box<dyn Carried<A>>) -> Asked<T>
    where
        A::Context: ToEnvelope<A, Errand<A>>,
    {
        let (waiter, asked) = oneshot::channel();
        Asked(self.post(errand(waiter)).is_ok().then_some(asked))
    }

    /// Puts an errand into the mailbox, or hands it back where too many wait.
    pub(super) fn post(&self, carried: Box<dyn Carried<A>>) -> Result<(), Box<dyn Carried<A>>>
    where
        A::Context: ToEnvelope<A, Errand<A>>,
    {
        if !self.figures.admit(MESSAGES_WAITING_MAX) {
            return Err(carried);
        }
        let ticket = self.measures.then(Ticket::now);
        self.address.do_send(Errand { carried, ticket });
        Ok(())
    }

    /// What was done for this actor panicked, and failed alone.
    pub fn panicked(&self, work: &'static str) {
        self.figures.panics.note(work);
    }

    /// For those who know only one kind of message; what they send isn't timed.
    pub fn recipient<M>(&self) -> Recipient<M>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
    {
        self.address.clone().recipient()
    }
}

/// An answer on its way back, with what is to be noted of the work.
pub struct Answered<T> {
    answer: T,
    done: Option<Done>,
}

impl<T> Answered<T> {
    fn into_answer(self) -> T {
        if let Some(done) = self.done {
            done.note();
        }
        self.answer
    }
}

/// The way back to whoever asked.
pub type Waiter<T> = oneshot::Sender<Answered<T>>;

/// What a [`Door`] answers, once the actor has.
#[must_use = "who doesn't wait gives the message up"]
pub struct Asked<T>(Option<oneshot::Receiver<Answered<T>>>);

impl<T> Future for Asked<T> {
    type Output = Result<T, DoorError>;

    fn poll(mut self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let Some(asked) = &mut self.0 else {
            return Poll::Ready(Err(DoorError::Busy));
        };
        let answered = Pin::new(asked).poll(task);
        answered.map(|answered| {
            answered
                .map(Answered::into_answer)
                .map_err(|_| DoorError::Closed)
        })
    }
}

/// What is done with an actor, whatever its kind. There are hundreds of kinds, so what isn't different in each of them is
/// kept out of them.
pub trait Carried<A: Actor>: Send {
    /// What it is called.
    fn kind(&self) -> MessageKind;

    /// Whether somebody still waits for it.
    fn is_wanted(&self) -> bool;

    /// Does it. It is noted of `work` when the actor was through with it, and when there was an answer.
    fn run(self: Box<Self>, actor: &mut A, context: &mut A::Context, work: Option<Work>);

    /// There is no room for it. Who waits hears of that, or that there is no answer.
    fn turn_away(self: Box<Self>) {}
}

/// What is on its way through a [`Door`].
pub struct Errand<A: Actor> {
    carried: Box<dyn Carried<A>>,
    /// `None` where nothing is measured.
    ticket: Option<Ticket>,
}

impl<A: Actor> Message for Errand<A> {
    type Result = ();
}

impl<A: Watched> Errand<A> {
    /// Has the actor do it.
    pub(super) fn run(self, actor: &mut A, context: &mut A::Context) {
        let Self { carried, ticket } = self;
        actor.watch().figures().take();
        // As actix does: what nobody waits for any more isn't begun.
        if !carried.is_wanted() {
            return;
        }
        let work = ticket.and_then(|ticket| actor.watch().begin(carried.kind(), ticket));
        carried.run(actor, context, work);
    }
}

impl<A: Watched> Errand<A> {
    /// Has the actor do it, and lives on when that panics: whoever waits has no answer then.
    pub(super) fn run_apart(self, actor: &mut A, context: &mut A::Context) {
        let kind = self.carried.kind().name();
        let run = AssertUnwindSafe(|| self.run(actor, context));
        if catch_unwind(run).is_err() {
            actor.watch().panicked(kind);
        }
    }
}

/// An actor that keeps a notebook of its messages.
pub trait Watched: Handler<Errand<Self>> {
    /// The notebook.
    fn watch(&mut self) -> &mut Watch;
}

/// Who waits for an answer, and what is noted of the work for it.
pub struct Reply<T> {
    waiter: Waiter<T>,
    work: Option<Work>,
    handled: Option<Tick>,
}

impl<T> Reply<T> {
    /// The answer to be given for `work`.
    pub(super) fn new(waiter: Waiter<T>, work: Option<Work>) -> Self {
        Self {
            waiter,
            work,
            handled: None,
        }
    }

    /// Whether somebody still waits.
    pub(super) fn is_wanted(&self) -> bool {
        !self.waiter.is_closed()
    }

    /// Works for the request that it is for.
    fn within<R>(&mut self, work: impl FnOnce() -> R) -> R {
        match &mut self.work {
            Some(noted) => noted.within(work),
            None => work(),
        }
    }

    /// Hands the answering on to another thread, which works for the same request; the handler is through then.
    pub(super) fn hand_on(self, watch: &Watch, hand_on: impl FnOnce(Self)) {
        let begun = self.work.as_ref().map(Work::begun);
        let trace = self.work.as_ref().and_then(Work::trace);
        Trace::within(trace, || hand_on(self));
        if let Some(begun) = begun {
            watch.handled(begun);
        }
    }

    /// The handler is through.
    fn handled(&mut self, watch: &Watch) {
        self.handled = self.work.as_ref().map(|work| watch.handled(work.begun()));
    }

    /// There is an answer, since the handler was through if `ended` says so, or since now.
    pub(super) fn give(self, answer: T, ended: Option<Tick>) {
        let done = self.work.and_then(|work| work.end(ended));
        let answered = Answered { answer, done };
        // Whoever went away doesn't want to know; what was done for the request is noted all the same.
        drop(self.waiter.send(answered).map_err(Answered::into_answer));
    }

    /// There is an answer, and the handler is through with it.
    fn give_at_once(mut self, answer: T, watch: &Watch) {
        self.handled(watch);
        let ended = self.handled;
        self.give(answer, ended);
    }
}

/// A message of actix's.
struct Sent<M: Message> {
    message: M,
    waiter: Waiter<M::Result>,
}

impl<A, M> Carried<A> for Sent<M>
where
    A: Watched + Handler<M>,
    <A as Handler<M>>::Result: Answers<A, M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    fn kind(&self) -> MessageKind {
        MessageKind::of::<M>()
    }

    fn is_wanted(&self) -> bool {
        !self.waiter.is_closed()
    }

    fn run(self: Box<Self>, actor: &mut A, context: &mut A::Context, work: Option<Work>) {
        let Self { message, waiter } = *self;
        let mut reply = Reply::new(waiter, work);
        let answer = reply.within(|| Handler::<M>::handle(actor, message, context));
        answer.answer(actor, context, reply);
    }
}

/// Lets messages through an actor's door.
macro_rules! opens_door {
    ($actor:ty) => {
        opens_door!($actor, run);
    };
    // A thread of a pool keeps nothing that a panic could have left half done, and nobody would replace it.
    (pool $actor:ty) => {
        opens_door!($actor, run_apart);
    };
    ($actor:ty, $run:ident) => {
        impl $crate::door::Watched for $actor {
            fn watch(&mut self) -> &mut $crate::telemetry::mailbox::Watch {
                &mut self.watch
            }
        }

        impl actix::Handler<$crate::door::Errand<$actor>> for $actor {
            type Result = ();

            fn handle(
                &mut self,
                errand: $crate::door::Errand<$actor>,
                context: &mut Self::Context,
            ) {
                errand.$run(self, context);
            }
        }
    };
}
pub(super) use opens_door;

/// The ways in which a handler of a message `M` answers. The span of its work ends before the waiter hears of it.
pub trait Answers<A: Watched, M: Message> {
    /// Answers.
    fn answer(self, actor: &mut A, context: &mut A::Context, reply: Reply<M::Result>);
}

macro_rules! answers_at_once {
    ($([$($parameter:ident),*] $answer:ty),*) => {$(
        impl<A, M, $($parameter: 'static),*> Answers<A, M> for $answer
        where
            A: Watched,
            M: Message<Result = $answer>,
        {
            fn answer(self, actor: &mut A, _: &mut A::Context, reply: Reply<Self>) {
                reply.give_at_once(self, actor.watch());
            }
        }
    )*};
}
answers_at_once!([] (), [T] Option<T>, [T, E] Result<T, E>);

impl<A: Watched, M: Message> Answers<A, M> for MessageResult<M> {
    fn answer(self, actor: &mut A, _: &mut A::Context, reply: Reply<M::Result>) {
        reply.give_at_once(self.0, actor.watch());
    }
}

impl<A, M, T> Answers<A, M> for ResponseFuture<T>
where
    A: Watched,
    M: Message<Result = T>,
    T: 'static,
{
    fn answer(mut self, actor: &mut A, _: &mut A::Context, mut reply: Reply<T>) {
        reply.handled(actor.watch());
        let answering: ResponseFuture<()> = Box::pin(async move {
            let answer = poll_fn(|task| reply.within(|| self.as_mut().poll(task))).await;
            reply.give(answer, None);
        });
        // Boxed, since every type of task brings a runtime's worth of code.
        actix::spawn(answering);
    }
}

impl<A, M, T> Answers<A, M> for ResponseActFuture<A, T>
where
    A: Watched,
    A::Context: AsyncContext<A>,
    M: Message<Result = T>,
    T: 'static,
{
    fn answer(mut self, actor: &mut A, context: &mut A::Context, mut reply: Reply<T>) {
        // Out of memory most answers are there at once. The others are polled again as soon as they are spawned, so nobody
        // needs to be woken for this first time.
        let mut nobody = TaskContext::from_waker(Waker::noop());
        match reply.within(|| self.as_mut().poll(actor, context, &mut nobody)) {
            Poll::Ready(answer) => reply.give_at_once(answer, actor.watch()),
            Poll::Pending => {
                reply.handled(actor.watch());
                context.spawn(Followed {
                    answer: self,
                    reply: Some(reply),
                });
            }
        }
    }
}

/// An answer that is worked on with the actor.
struct Followed<A: Actor, T> {
    answer: ResponseActFuture<A, T>,
    reply: Option<Reply<T>>,
}

impl<A: Actor, T> ActorFuture<A> for Followed<A, T> {
    type Output = ();

    fn poll(
        mut self: Pin<&mut Self>,
        actor: &mut A,
        context: &mut A::Context,
        task: &mut TaskContext<'_>,
    ) -> Poll<()> {
        let Self { answer, reply } = &mut *self;
        let Some(at_work) = reply else {
            return Poll::Ready(());
        };
        at_work
            .within(|| answer.as_mut().poll(actor, context, task))
            .map(|answer| {
                if let Some(reply) = reply.take() {
                    reply.give(answer, None);
                }
            })
    }
}

#[cfg(test)]
mod tests {
    use actix::{ActorFutureExt, Context, WrapFuture};

    use super::*;
    use crate::clock::Timestamp;
    use crate::telemetry::Span;

    struct Clerk {
        watch: Watch,
        other: Option<Door<Clerk>>,
    }

    impl Actor for Clerk {
        type Context = Context<Self>;
    }
    opens_door!(Clerk);

    struct Ask;
    struct AskSoon;
    struct AskOther;

    impl Message for Ask {
        type Result = Option<u8>;
    }
    impl Message for AskSoon {
        type Result = u8;
    }
    impl Message for AskOther {
        type Result = u8;
    }

    impl Handler<Ask> for Clerk {
        type Result = Option<u8>;
        fn handle(&mut self, _: Ask, _: &mut Context<Self>) -> Self::Result {
            Some(1)
        }
    }

    impl Handler<AskSoon> for Clerk {
        type Result = ResponseFuture<u8>;
        fn handle(&mut self, _: AskSoon, _: &mut Context<Self>) -> Self::Result {
            Box::pin(async {
                tokio::task::yield_now().await;
                2
            })
        }
    }

    impl Handler<AskOther> for Clerk {
        type Result = ResponseActFuture<Self, u8>;
        fn handle(&mut self, _: AskOther, _: &mut Context<Self>) -> Self::Result {
            let other = self.other.clone().expect("the first has an other");
            let asked = async move {
                // What is asked after a pause belongs to the same request.
                tokio::task::yield_now().await;
                other.send(AskSoon).await.expect("it runs")
            };
            Box::pin(asked.into_actor(self).map(|answer, _, _| answer + 1))
        }
    }

    fn clerk(telemetry: &Telemetry, name: ActorName, other: Option<Door<Clerk>>) -> Door<Clerk> {
        let watch = telemetry.watch(name);
        Door::new(Clerk { watch, other }.start(), telemetry, name)
    }

    #[test]
    fn a_request_is_followed_from_actor_to_actor() {
        actix::System::new().block_on(async {
            let telemetry = Telemetry::new(1000);
            let posts = clerk(&telemetry, ActorName::Posts, None);
            let users = clerk(&telemetry, ActorName::Users, Some(posts.clone()));
            let trace = Trace::begin(*b"0123456789abcdef", Timestamp::from_millis(0));
            let asked = async {
                let first = users.send(AskOther).await.expect("it runs");
                (first, users.send(Ask).await.expect("it runs"))
            };
            let answers = Trace::follow(&mut Some(trace.clone()), asked).await;
            assert_eq!(answers, (3, Some(1)));
            // Whatever nobody asked for on behalf of a request is counted alone.
            assert_eq!(posts.send(Ask).await.expect("it runs"), Some(1));
            let report = trace.report();
            let mut spans: Vec<_> = report
                .spans
                .iter()
                .map(|span| (span.kind, &*span.detail))
                .collect();
            spans.sort_by_key(|(kind, detail)| (kind.name(), *detail));
            let expected = [
                (Span::Handler, "Ask"),
                (Span::Handler, "AskOther"),
                (Span::Handler, "AskSoon"),
                (Span::Mailbox, "posts"),
                (Span::Mailbox, "users"),
                (Span::Mailbox, "users"),
            ];
            assert_eq!(spans, expected);
            let figures = telemetry.actor(ActorName::Posts);
            assert_eq!(figures.messages(), [("Ask", 1), ("AskSoon", 1)]);
            assert_eq!(figures.depth(), 0);
        });
    }

    #[test]
    fn a_full_door_turns_messages_away() {
        actix::System::new().block_on(async {
            let telemetry = Telemetry::new(1000);
            let posts = clerk(&telemetry, ActorName::Posts, None);
            // Nobody turns to the mailbox before this pauses. Those who gave up leave their messages behind.
            for _ in 0..MESSAGES_WAITING_MAX {
                drop(posts.send(Ask));
            }
            assert_eq!(posts.send(Ask).await, Err(DoorError::Busy));
            let figures = telemetry.actor(ActorName::Posts);
            while figures.depth() > 0 {
                tokio::task::yield_now().await;
            }
            assert_eq!(posts.send(Ask).await, Ok(Some(1)));
            assert_eq!(figures.messages(), [("Ask", 1)]);
        });
    }

    #[test]
    fn nothing_is_noted_where_nothing_is_measured() {
        actix::System::new().block_on(async {
            let telemetry = Telemetry::disabled();
            let posts = clerk(&telemetry, ActorName::Posts, None);
            assert_eq!(posts.send(Ask).await.expect("it runs"), Some(1));
            let figures = telemetry.actors().iter();
            assert!(figures.into_iter().all(|actor| actor.messages().is_empty()));
        });
    }
}
