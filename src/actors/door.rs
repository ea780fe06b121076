//! The way into an actor's mailbox, on which every message is timed and carries the request that it is for.

use std::future::poll_fn;
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

use crate::clock::Moment;
use crate::telemetry::Telemetry;
use crate::telemetry::mailbox::{ActorFigures, ActorName, Done, Ticket, Watch, Work};

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
    pub fn send<M>(
        &self,
        message: M,
    ) -> impl Future<Output = Result<M::Result, DoorError>> + use<A, M>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<Errand<M>>,
        A::Context: ToEnvelope<A, Errand<M>>,
    {
        let asked = self.figures.admit(MESSAGES_WAITING_MAX).then(|| {
            let (waiter, asked) = oneshot::channel();
            self.dispatch(message, Some(waiter));
            asked
        });
        async move {
            let answered = asked.ok_or(DoorError::Busy)?.await;
            answered
                .map(Answered::into_answer)
                .map_err(|_| DoorError::Closed)
        }
    }

    fn dispatch<M>(&self, message: M, waiter: Option<Waiter<M>>)
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<Errand<M>>,
        A::Context: ToEnvelope<A, Errand<M>>,
    {
        self.address.do_send(Errand {
            message,
            ticket: self.measures.then(Ticket::now),
            waiter,
        });
    }

    /// Sends a message whose answer nobody waits for.
    #[cfg(test)]
    pub fn do_send<M>(&self, message: M)
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<Errand<M>>,
        A::Context: ToEnvelope<A, Errand<M>>,
    {
        self.figures.admit(usize::MAX);
        self.dispatch(message, None);
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
struct Answered<T> {
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

type Waiter<M> = oneshot::Sender<Answered<<M as Message>::Result>>;

/// A message on its way through a [`Door`], with its waiter.
pub struct Errand<M: Message> {
    message: M,
    /// `None` where nothing is measured.
    ticket: Option<Ticket>,
    waiter: Option<Waiter<M>>,
}

impl<M: Message> Message for Errand<M> {
    type Result = ();
}

impl<M: Message + 'static> Errand<M> {
    /// Has the actor do it.
    pub(super) fn run<A: Watched>(self, actor: &mut A, context: &mut A::Context)
    where
        M: DoneBy<A>,
    {
        actor.watch().figures().take();
        // As actix does: what nobody waits for any more isn't begun.
        if self.waiter.as_ref().is_some_and(oneshot::Sender::is_closed) {
            return;
        }
        let work = self
            .ticket
            .and_then(|ticket| actor.watch().begin::<M>(ticket));
        let reply = Reply {
            waiter: self.waiter,
            work,
            handled: None,
        };
        self.message.be_done(actor, context, reply);
    }
}

/// An actor that notes its messages.
pub trait Watched: Actor {
    /// Its notebook.
    fn watch(&mut self) -> &mut Watch;
}

/// A message that an actor has a handler for. It is the message's trait and not the actor's, so that the compiler asks for it
/// when it knows the message.
pub trait DoneBy<A: Watched>: Message {
    /// Handles it and answers.
    fn be_done(self, actor: &mut A, context: &mut A::Context, reply: Reply<Self::Result>);
}

impl<A, M> DoneBy<A> for M
where
    A: Watched + Handler<M>,
    M: Message,
    <A as Handler<M>>::Result: Answers<A, M>,
{
    fn be_done(self, actor: &mut A, context: &mut A::Context, mut reply: Reply<M::Result>) {
        let answer = reply.within(|| Handler::<M>::handle(actor, self, context));
        answer.answer(actor, context, reply);
    }
}

/// Lets messages through an actor's door.
macro_rules! opens_door {
    ($actor:ty) => {
        impl $crate::actors::door::Watched for $actor {
            fn watch(&mut self) -> &mut $crate::telemetry::mailbox::Watch {
                &mut self.watch
            }
        }

        impl<M> actix::Handler<$crate::actors::door::Errand<M>> for $actor
        where
            M: $crate::actors::door::DoneBy<$actor> + 'static,
        {
            type Result = ();

            fn handle(
                &mut self,
                errand: $crate::actors::door::Errand<M>,
                context: &mut Self::Context,
            ) {
                errand.run(self, context);
            }
        }
    };
}
pub(super) use opens_door;

/// Who waits for an answer, and what is noted of the work for it.
pub struct Reply<T> {
    waiter: Option<oneshot::Sender<Answered<T>>>,
    work: Option<Work>,
    handled: Option<Moment>,
}

impl<T> Reply<T> {
    /// Works for the request that it is for.
    fn within<R>(&mut self, work: impl FnOnce() -> R) -> R {
        match &mut self.work {
            Some(noted) => noted.within(work),
            None => work(),
        }
    }

    /// The handler is through.
    fn handled(&mut self, watch: &Watch) {
        self.handled = self.work.as_ref().map(|work| watch.handled(work));
    }

    /// There is an answer, whether since the handler was through or since now.
    fn send(self, answer: T, ended: Option<Moment>) {
        let done = self.work.and_then(|work| work.end(ended));
        let answered = Answered { answer, done };
        match self.waiter {
            // Whoever went away doesn't want to know; what was done for the request is noted all the same.
            Some(waiter) => drop(waiter.send(answered).map_err(Answered::into_answer)),
            None => drop(answered.into_answer()),
        }
    }

    /// There is an answer, and the handler is through with it.
    fn send_at_once(mut self, answer: T, watch: &Watch) {
        self.handled(watch);
        let ended = self.handled;
        self.send(answer, ended);
    }
}

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
                reply.send_at_once(self, actor.watch());
            }
        }
    )*};
}
answers_at_once!([] (), [T] Option<T>, [T, E] Result<T, E>);

impl<A: Watched, M: Message> Answers<A, M> for MessageResult<M> {
    fn answer(self, actor: &mut A, _: &mut A::Context, reply: Reply<M::Result>) {
        reply.send_at_once(self.0, actor.watch());
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
        actix::spawn(async move {
            let answer = poll_fn(|task| reply.within(|| self.as_mut().poll(task))).await;
            reply.send(answer, None);
        });
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
            Poll::Ready(answer) => reply.send_at_once(answer, actor.watch()),
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

/// An answer that is worked on for a request.
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
                    reply.send(answer, None);
                }
            })
    }
}

#[cfg(test)]
mod tests {
    use actix::{ActorFutureExt, Context, WrapFuture};

    use super::*;
    use crate::clock::Timestamp;
    use crate::telemetry::{Span, Trace};

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
            let answers = Trace::follow(Some(trace.clone()), asked).await;
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
