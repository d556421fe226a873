//! Configuration of topics, as brokers show it.

use crate::record::Stream;
use crate::source::client::{self, Context};
use crate::source::error::{SourceError, is_denial, is_missing};
use crate::source::factory;
use crate::source::native;
use crate::source::probe::Lookup;
use crate::source::settings::Settings;
use rdkafka::admin::{AdminOptions, ConfigResource, OwnedResourceSpecifier, ResourceSpecifier};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Code with which a broker refuses to show the configuration of a topic.
#[derive(Debug, Clone, Copy)]
pub(super) struct NotShown(pub(super) RDKafkaErrorCode);

/// Answer of a broker about one topic.
type Answer = Result<ConfigResource, RDKafkaErrorCode>;

/// Asks for the configuration of topics; returns them in the order given.
///
/// # Errors
///
/// [`SourceError::Unavailable`], [`SourceError::TopicMissing`], [`SourceError::Configuration`],
/// [`SourceError::Shortage`].
pub(super) fn describe(
    settings: &Settings,
    topics: &[&str],
) -> Result<Vec<Result<ConfigResource, NotShown>>, SourceError> {
    const ACTION: &str = "asking for the configuration of topics";
    let is_not_shown = |code| code == RDKafkaErrorCode::UnsupportedFeature || is_denial(code);
    // Any broker knows the configuration of topics. Without a number the client would ask the controller, and wait
    // until there is one.
    let broker = Lookup::open(settings)?.some_broker(settings.topic(Stream::Disbursement))?;
    let config = client::admin(settings);
    let admin = factory::create_admin(&config, Context::new(&config))?;
    let specifiers: Vec<ResourceSpecifier<'_>> = topics.iter().map(|topic| ResourceSpecifier::Topic(topic)).collect();
    // The time runs while the client connects and asks for brokers, each of which may take its own.
    let limit = settings.request_timeout * 3;
    let options = AdminOptions::new().request_timeout(Some(limit)).broker_id(broker);
    let answer = wait_for(admin.describe_configs(&specifiers, &options), limit + settings.request_timeout);
    if !matches!(answer, Some(Ok(_))) && native::lacks_a_thread(admin.inner()) {
        return Err(SourceError::Shortage { reason: "no thread for a broker".into() });
    }
    let context = admin.inner().context();
    let unanswered = || SourceError::Unavailable { action: ACTION, reason: "no answer in time".into() };
    let answer = answer.ok_or_else(|| context.explain(unanswered()))?;
    let answers = match answer {
        Ok(answers) => in_order(answers, topics),
        Err(KafkaError::AdminOp(code)) if is_not_shown(code) => topics.iter().map(|_| Err(code)).collect(),
        Err(KafkaError::AdminOp(code)) => return Err(context.explain(SourceError::of_code(ACTION, code))),
        Err(error) => return Err(context.explain(SourceError::of(ACTION, &error))),
    };
    let shown = |(answer, topic): (Answer, &&str)| match answer {
        Ok(configuration) => Ok(Ok(configuration)),
        Err(code) if is_missing(code) => Err(SourceError::TopicMissing { topic: (*topic).to_owned() }),
        Err(code) if is_not_shown(code) => Ok(Err(NotShown(code))),
        Err(code) => Err(SourceError::of_code(ACTION, code)),
    };
    answers.into_iter().zip(topics).map(shown).collect()
}

/// Sorts results by topic. Errors do not name their topic, so they fill the gaps in their order.
pub(super) fn in_order(results: Vec<Answer>, topics: &[&str]) -> Vec<Answer> {
    let index_of = |result: &Answer| match result {
        Ok(ConfigResource { specifier: OwnedResourceSpecifier::Topic(name), .. }) => {
            topics.iter().position(|topic| topic == name)
        }
        _ => None,
    };
    let mut ordered: Vec<Option<Answer>> = topics.iter().map(|_| None).collect();
    let mut rest = Vec::new();
    for result in results {
        match index_of(&result) {
            Some(index) => ordered[index] = Some(result),
            None => rest.push(result),
        }
    }
    let mut rest = rest.into_iter();
    ordered.into_iter().map(|result| result.or_else(|| rest.next()).unwrap_or(Err(RDKafkaErrorCode::Fail))).collect()
}

/// Value of a property; `None` if the broker does not show it.
pub(super) fn value(configuration: &ConfigResource, name: &str) -> Option<String> {
    configuration.get(name).and_then(|entry| entry.value.clone())
}

/// Wakes the thread that waits for a future.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits at most `limit` for a future that another thread completes.
fn wait_for<T>(future: impl Future<Output = T>, limit: Duration) -> Option<T> {
    let deadline = Instant::now() + limit;
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut TaskContext::from_waker(&waker)) {
            return Some(output);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        thread::park_timeout(left);
    }
}
