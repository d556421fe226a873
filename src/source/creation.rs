//! Creation of librdkafka's clients, where a shortage of threads or memory differs from a wrong configuration only in
//! the code of the last failure.

use super::client::redactor;
use super::error::{SourceError, description};
use super::native;
use crate::runtime::end_for_shortage;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, ClientContext};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// Maximum time for a client to be created; it takes milliseconds, and no network.
const CREATED_WITHIN: Duration = Duration::from_secs(20);

/// Creates a client. Ends the process with 75 if librdkafka does not return: it waits for ever where it gets some of
/// its threads and not the others.
///
/// # Errors
///
/// [`SourceError::Configuration`], [`SourceError::Shortage`].
pub(super) fn create_client<C, T>(config: &ClientConfig, context: C) -> Result<T, SourceError>
where
    C: ClientContext,
    T: FromClientConfigAndContext<C>,
{
    let (created, creation) = mpsc::channel::<()>();
    let guard = move || {
        if creation.recv_timeout(CREATED_WITHIN) == Err(RecvTimeoutError::Timeout) {
            end_for_shortage("kafka client does not start");
        }
    };
    let guard = thread::Builder::new().name("kafka-create".into()).spawn(guard);
    guard.map_err(|error| SourceError::Shortage { reason: error.to_string() })?;
    let result = config.create_with_context(context).map_err(|error| {
        // librdkafka keeps the code of the last failure for each thread.
        let is_short = matches!(error, KafkaError::ClientCreation(_)) && native::is_short_of_resources();
        let reason = redactor(config).redact(&description(&error));
        if is_short { SourceError::Shortage { reason } } else { SourceError::Configuration { reason } }
    });
    drop(created);
    result
}
