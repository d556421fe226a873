//! Refusals of `produce`: it invents payments, which nobody can tell from real ones afterwards.
//!
//! Brokers must be on this machine, and the topics empty, unless the command line says otherwise for each.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};

use clap::Args;

use super::Plan;
use crate::cli::kafka::KafkaWriter;
use crate::record::Stream;
use crate::runtime::{Exit, Failure};
use crate::settings::printable;

/// Arguments that permit what is refused otherwise.
#[derive(Args)]
pub(crate) struct PermissionArgs {
    /// Write to brokers that are not on this machine.
    #[arg(long)]
    to_brokers_beyond_loopback: bool,
    /// Write to topics that already hold records.
    #[arg(long)]
    into_topics_with_records: bool,
}

impl PermissionArgs {
    /// Checks the bootstrap servers, before anything is sent to them. All of them must be on this machine: the client
    /// asks whichever answers.
    ///
    /// # Errors
    /// 78 if one of them is not, or its name does not resolve.
    pub(super) fn check_servers(&self, plan: &Plan) -> Result<(), Failure> {
        self.check_brokers(plan.source.bootstrap_servers.split(','))
    }

    /// Checks the brokers that the cluster names, and the topics. A server on this machine may only be a tunnel.
    ///
    /// # Errors
    /// 78 if a broker is not on this machine or a topic holds records; 75 if no broker answers.
    pub(super) fn check_cluster(&self, plan: &Plan, writer: &KafkaWriter) -> Result<(), Failure> {
        let timeout = plan.source.request_timeout;
        self.check_brokers(writer.brokers(timeout)?.iter().map(String::as_str))?;
        if self.into_topics_with_records {
            return Ok(());
        }
        let partitions = writer.partitions(&plan.source.dead_letter.topic, timeout)?.inputs;
        let mut filled = Vec::new();
        for stream in Stream::ALL {
            for partition in 0..partitions[stream].unwrap_or(0) {
                let (low, high) = writer.watermarks(stream, partition, timeout)?;
                if low < high {
                    filled.push(writer.topic(stream));
                    break;
                }
            }
        }
        if filled.is_empty() {
            return Ok(());
        }
        let message = format!(
            "topics with records: {}; produce writes invented payments; name other topics, or add --into-topics-with-records",
            filled.join(", ")
        );
        Err(Failure::new(Exit::Configuration, message))
    }

    pub(super) fn check_brokers<'a>(&self, addresses: impl Iterator<Item = &'a str>) -> Result<(), Failure> {
        if self.to_brokers_beyond_loopback {
            return Ok(());
        }
        let beyond = beyond_loopback(addresses, |host| Ok((host, 0).to_socket_addrs()?.map(|at| at.ip()).collect()));
        if beyond.is_empty() {
            return Ok(());
        }
        let message = format!(
            "brokers beyond this machine: {}; produce writes invented payments; name others in kafka.bootstrap_servers, or add \
             --to-brokers-beyond-loopback",
            beyond.join(", ")
        );
        Err(Failure::new(Exit::Configuration, message))
    }
}

/// Addresses of which it is not certain that they are on this machine, for people.
fn beyond_loopback<'a>(
    addresses: impl Iterator<Item = &'a str>,
    resolve: impl Fn(&str) -> io::Result<Vec<IpAddr>>,
) -> Vec<String> {
    let addresses = addresses.map(str::trim).filter(|address| !address.is_empty());
    let beyond = addresses.filter_map(|address| match resolve(host(address)) {
        Ok(found) if found.is_empty() => Some(format!("{address} (does not resolve)")),
        Ok(found) if found.iter().all(|address| address.to_canonical().is_loopback()) => None,
        Ok(_) => Some(address.to_owned()),
        Err(_) => Some(format!("{address} (does not resolve)")),
    });
    beyond.map(|address| printable(&address)).collect()
}

/// Host of an address as the client reads it: `[PROTOCOL://]HOST[:PORT]`, an IPv6 address in brackets.
fn host(address: &str) -> &str {
    let address = address.split_once("://").map_or(address, |(_, address)| address);
    match address.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, _)) => host,
        None => address.split_once(':').map_or(address, |(host, _)| host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of a small world.
    fn resolve(host: &str) -> io::Result<Vec<IpAddr>> {
        let addresses: &[&str] = match host {
            "localhost" => &["127.0.0.1", "::1"],
            "here.example" => &["127.0.1.1"],
            "kafka.example" => &["192.0.2.7"],
            "both.example" => &["127.0.0.1", "192.0.2.7"],
            "nothing.example" => &[],
            literal => return literal.parse().map(|address| vec![address]).map_err(io::Error::other),
        };
        Ok(addresses.iter().map(|address| address.parse().expect("an address")).collect())
    }

    fn beyond(servers: &str) -> Vec<String> {
        beyond_loopback(servers.split(','), resolve)
    }

    #[test]
    fn names_and_addresses_of_this_machine_are_loopback() {
        let here =
            "localhost:9092, here.example, 127.0.0.1:1,PLAINTEXT://127.9.9.9:1,[::1]:9092,[::ffff:127.0.0.1]:9092,";
        assert_eq!(beyond(here), Vec::<String>::new());
    }

    #[test]
    fn one_broker_elsewhere_is_enough_for_a_refusal() {
        assert_eq!(beyond("localhost:9092,kafka.example:9092"), ["kafka.example:9092"]);
        assert_eq!(beyond("both.example:9092"), ["both.example:9092"], "one address of the name is elsewhere");
        assert_eq!(
            beyond("SASL_SSL://192.0.2.7:9092,[2001:db8::1]:1"),
            ["SASL_SSL://192.0.2.7:9092", "[2001:db8::1]:1"]
        );
        assert_eq!(beyond("0.0.0.0:9092"), ["0.0.0.0:9092"]);
    }

    #[test]
    fn a_name_that_does_not_resolve_is_not_known_to_be_here() {
        let expected = ["nothing.example:1 (does not resolve)", "unknown.example (does not resolve)"];
        assert_eq!(beyond("nothing.example:1,unknown.example"), expected);
    }
}
