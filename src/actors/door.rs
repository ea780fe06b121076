//! The way into an actor's mailbox, on which every message is timed and carries the request that it is for.

use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use actix::dev::{MessageResponse, OneshotSender, ToEnvelope};
use actix::fut::ActorFuture;
use actix::{
    Actor, Addr, AsyncContext, Handler, Message, MessageResult, Recipient, ResponseActFuture,
    ResponseFuture,
};
use futures_util::future::Either;
use tokio::sync::oneshot;

use crate::telemetry::mailbox::{ActorFigures, ActorName, Ticket, Watch, Work};
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
    /// `None` where nothing is measured: messages go straight to the address then.
    figures: Option<Arc<ActorFigures>>,
}

impl<A: Actor> Clone for Door<A> {
    fn clone(&self) -> Self {
        Self {
            address: self.address.clone(),
            figures: self.figures.clone(),
        }
    }
}

impl<A: Watched> Door<A> {
    /// The door to an actor or a pool.
    pub fn new(address: Addr<A>, telemetry: &Telemetry, name: ActorName) -> Self {
        Self {
            address,
            figures: telemetry.actor(name),
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
        A: Handler<M>,
        <A as Handler<M>>::Result: Answers<A, M>,
        A::Context: ToEnvelope<A, M> + ToEnvelope<A, Errand<A>>,
    {
        let Some(figures) = &self.figures else {
            let answer = self.address.send(message);
            return Either::Left(async move { answer.await.map_err(|_| DoorError::Closed) });
        };
        if figures.depth() >= MESSAGES_WAITING_MAX {
            return Either::Right(Either::Left(ready(Err(DoorError::Busy))));
        }
        let (waiter, answer) = oneshot::channel();
        let ticket = figures.ticket();
        self.address.do_send(Errand(Box::new(move |actor, context| {
            // As actix does: what nobody waits for any more isn't begun.
            if !waiter.is_closed() {
                handle(actor, context, message, ticket, Some(waiter));
            }
        })));
        Either::Right(Either::Right(async move {
            answer.await.map_err(|_| DoorError::Closed)
        }))
    }

    /// Sends a message whose answer nobody waits for.
    #[cfg(test)]
    pub fn do_send<M>(&self, message: M)
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
        <A as Handler<M>>::Result: Answers<A, M>,
        A::Context: ToEnvelope<A, M> + ToEnvelope<A, Errand<A>>,
    {
        let Some(figures) = &self.figures else {
            return self.address.do_send(message);
        };
        let ticket = figures.ticket();
        self.address.do_send(Errand(Box::new(move |actor, context| {
            handle(actor, context, message, ticket, None);
        })));
    }

    /// What was done for this actor panicked, and failed alone.
    pub fn panicked(&self, work: &'static str) {
        if let Some(figures) = &self.figures {
            figures.panics.note(work);
        }
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

type Carried<A> = Box<dyn FnOnce(&mut A, &mut <A as Actor>::Context) + Send>;

/// A message on its way through a [`Door`], with its waiter, whatever its kind.
pub struct Errand<A: Actor>(Carried<A>);

impl<A: Actor> Message for Errand<A> {
    type Result = ();
}

impl<A: Actor> Errand<A> {
    /// Has the actor do it.
    pub(super) fn run(self, actor: &mut A, context: &mut A::Context) {
        (self.0)(actor, context);
    }
}

/// An actor that notes its messages.
pub trait Watched: Handler<Errand<Self>> {
    /// Its notebook.
    fn watch(&mut self) -> &mut Watch;
}

fn handle<A, M>(
    actor: &mut A,
    context: &mut A::Context,
    message: M,
    ticket: Ticket,
    waiter: Option<OneshotSender<M::Result>>,
) where
    A: Watched + Handler<M>,
    <A as Handler<M>>::Result: Answers<A, M>,
    M: Message + 'static,
{
    let work = actor.watch().begin::<M>(ticket);
    let trace = work.as_ref().and_then(Work::trace);
    let answer = Trace::within(trace, || Handler::<M>::handle(actor, message, context));
    let Some(work) = work else {
        return answer.handle(context, waiter);
    };
    actor.watch().handled(&work);
    if work.is_traced() {
        answer.answer(context, waiter, work);
    } else {
        // Nobody looks at the course of what no request asked for.
        answer.handle(context, waiter);
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

        impl actix::Handler<$crate::actors::door::Errand<$actor>> for $actor {
            type Result = ();

            fn handle(
                &mut self,
                errand: $crate::actors::door::Errand<$actor>,
                context: &mut Self::Context,
            ) {
                errand.run(self, context);
            }
        }
    };
}
pub(super) use opens_door;

/// The ways in which a handler of a message `M` answers. The span of its work ends before the waiter hears of it.
pub trait Answers<A: Actor, M: Message>: MessageResponse<A, M> {
    /// Answers.
    fn answer(self, context: &mut A::Context, waiter: Option<OneshotSender<M::Result>>, work: Work);
}

macro_rules! answers_at_once {
    ($([$($parameter:ident),*] $answer:ty),*) => {$(
        impl<A, M, $($parameter: 'static),*> Answers<A, M> for $answer
        where
            A: Actor,
            M: Message<Result = $answer>,
        {
            fn answer(
                self,
                context: &mut A::Context,
                waiter: Option<OneshotSender<Self>>,
                work: Work,
            ) {
                work.end();
                MessageResponse::<A, M>::handle(self, context, waiter);
            }
        }
    )*};
}
answers_at_once!([] (), [T] Option<T>, [T, E] Result<T, E>);

impl<A: Actor, M: Message> Answers<A, M> for MessageResult<M> {
    fn answer(
        self,
        context: &mut A::Context,
        waiter: Option<OneshotSender<M::Result>>,
        work: Work,
    ) {
        work.end();
        MessageResponse::<A, M>::handle(self, context, waiter);
    }
}

fn tell<T>(waiter: Option<OneshotSender<T>>, answer: T) {
    if let Some(waiter) = waiter {
        // Whoever went away doesn't want to know.
        drop(waiter.send(answer));
    }
}

impl<A, M, T> Answers<A, M> for ResponseFuture<T>
where
    A: Actor,
    M: Message<Result = T>,
    T: 'static,
{
    fn answer(self, _: &mut A::Context, waiter: Option<OneshotSender<T>>, work: Work) {
        actix::spawn(Trace::follow(work.trace(), async move {
            let answer = self.await;
            work.end();
            tell(waiter, answer);
        }));
    }
}

impl<A, M, T> Answers<A, M> for ResponseActFuture<A, T>
where
    A: Actor,
    A::Context: AsyncContext<A>,
    M: Message<Result = T>,
    T: 'static,
{
    fn answer(self, context: &mut A::Context, waiter: Option<OneshotSender<T>>, work: Work) {
        context.spawn(Followed {
            answer: self,
            waiter,
            work: Some(work),
        });
    }
}

/// An answer that is worked on for a request.
struct Followed<A: Actor, T> {
    answer: ResponseActFuture<A, T>,
    waiter: Option<OneshotSender<T>>,
    work: Option<Work>,
}

impl<A: Actor, T> ActorFuture<A> for Followed<A, T> {
    type Output = ();

    fn poll(
        mut self: Pin<&mut Self>,
        actor: &mut A,
        context: &mut A::Context,
        task: &mut TaskContext<'_>,
    ) -> Poll<()> {
        let followed = &mut *self;
        let trace = followed.work.as_ref().and_then(Work::trace);
        let polled = Trace::within(trace, || {
            followed.answer.as_mut().poll(actor, context, task)
        });
        polled.map(|answer| {
            if let Some(work) = followed.work.take() {
                work.end();
            }
            tell(followed.waiter.take(), answer);
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
            let figures = telemetry.actor(ActorName::Posts).expect("it is on");
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
            let figures = telemetry.actor(ActorName::Posts).expect("it is on");
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
