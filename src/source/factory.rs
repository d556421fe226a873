//! Makes librdkafka's clients, and checks what is in effect in each of them.
//!
//! `properties` refuses what would change a guarded property; this check would notice a way that it does not know.

use super::client::{Client, Context, redactor};
use super::creation::create_client;
use super::error::SourceError;
use super::native::property_in_effect;
use super::properties::guarded;
use rdkafka::admin::AdminClient;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::Consumer as _;
use rdkafka::producer::{Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext};

/// Makes a client that reads, and checks what is in effect in it.
///
/// # Errors
///
/// [`SourceError::Configuration`], [`SourceError::Shortage`].
pub(super) fn create_reader(config: &ClientConfig) -> Result<Client, SourceError> {
    create(config, Context::new(config), |client: &Client| client.client())
}

/// Makes a client that writes, and checks what is in effect in it.
///
/// # Errors
///
/// [`SourceError::Configuration`], [`SourceError::Shortage`].
pub(crate) fn create_producer<C: ProducerContext>(
    config: &ClientConfig,
    context: C,
) -> Result<ThreadedProducer<C>, SourceError> {
    create(config, context, |producer: &ThreadedProducer<C>| producer.client())
}

/// Makes a client that asks for the configuration of topics or creates them, and checks what is in effect in it.
///
/// # Errors
///
/// [`SourceError::Configuration`], [`SourceError::Shortage`].
pub(crate) fn create_admin<C: ClientContext>(config: &ClientConfig, context: C) -> Result<AdminClient<C>, SourceError> {
    create(config, context, |admin: &AdminClient<C>| admin.inner())
}

fn create<C: ClientContext, T: FromClientConfigAndContext<C>>(
    config: &ClientConfig,
    context: C,
    inner: impl Fn(&T) -> &rdkafka::client::Client<C>,
) -> Result<T, SourceError> {
    let created: T = create_client(config, context)?;
    verify(inner(&created), config)?;
    Ok(created)
}

/// Compares the guarded properties of a configuration with what is in effect in a client.
pub(super) fn verify<C: ClientContext>(
    client: &rdkafka::client::Client<C>,
    config: &ClientConfig,
) -> Result<(), SourceError> {
    for name in guarded() {
        let Some(expected) = config.get(name) else { continue };
        let found = property_in_effect(client, name);
        if found.as_deref() != Some(expected) {
            let found = found.unwrap_or_else(|| "not set".to_owned());
            let reason =
                format!("{name} is {found} instead of {expected}; remove what changes it from kafka.properties");
            return Err(SourceError::Configuration { reason: redactor(config).redact(&reason) });
        }
    }
    Ok(())
}
