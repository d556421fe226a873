//! Networks between the program and a real broker: connections that go dead, are cut, or carry damage.

use std::time::Duration;

use pacemeter::clock::Clock;
use pacemeter::record::{Outcome, Stream};

use super::probes::{self, await_complete, await_reached, complete_until, errors, is_ready, linger, milestones, own};
use super::proxy::Proxy;
use crate::end_to_end::figures::{GENERATED, generated};
use crate::end_to_end::test_log::TestLog;
use crate::program::Pacemeter;
use crate::shared_kafka;
use crate::topics::{LOG_APPEND_TIME, Topics};

/// Settings with which the program connects to the proxy instead of the broker, and reconnects soon.
fn through(proxy: &Proxy) -> [String; 3] {
    let bootstrap = format!("kafka.bootstrap_servers={}", proxy.bootstrap());
    [bootstrap, "kafka.properties.reconnect.backoff.max.ms=200".to_owned(), "kafka.request_timeout=3s".to_owned()]
}

#[test]
fn a_dead_connection_is_given_up_and_nothing_is_lost() {
    let proxy = Proxy::at(shared_kafka().door());
    let topics = Topics::create(shared_kafka(), 2, LOG_APPEND_TIME);
    topics.write(Stream::Milestone, &milestones(0, "before", 50));
    let state = tempfile::tempdir().expect("a temporary directory");
    let settings = [topics.settings(), through(&proxy).to_vec(), probes::labels().to_vec()].concat();
    let mut pacemeter = Pacemeter::start(&state, &settings);
    pacemeter.wait_ready();
    await_reached(&mut pacemeter, 50);

    proxy.hold();
    let held = Clock::wall().now();
    topics.write(Stream::Milestone, &milestones(0, "meanwhile", 50));
    topics.write(Stream::Milestone, &milestones(1, "meanwhile", 50));
    pacemeter.until("the client gives up its connections", |pacemeter| {
        (errors(pacemeter, "connection") > 0.0).then_some(())
    });
    pacemeter.until("unknown end offsets are logged", |pacemeter| {
        (!pacemeter.events("pacemeter.kafka.end_unknown").is_empty()).then_some(())
    });
    let readiness = pacemeter.get("/readyz");
    assert!(readiness.status == 200 && readiness.body.contains("brokers have not answered"), "{}", readiness.body);
    // The exact figures stay; "complete until" stands still.
    assert_eq!(probes::reached(&pacemeter), Some(50.0));
    assert!(
        complete_until(&pacemeter, Stream::Milestone).is_some_and(|until| until <= held + 3_000),
        "nothing was read since {held}"
    );
    let until = complete_until(&pacemeter, Stream::Milestone);
    linger(Duration::from_secs(2));
    assert_eq!(complete_until(&pacemeter, Stream::Milestone), until);

    proxy.release();
    await_reached(&mut pacemeter, 150);
    await_complete(&mut pacemeter, Stream::Milestone);
    assert_eq!(pacemeter.get("/readyz").body, "ok\n");
    let returned = pacemeter
        .until("the log says how long it took", |pacemeter| pacemeter.events("pacemeter.kafka.returned").pop());
    assert_eq!(returned["new_records"], 100, "{returned}");
    assert!(returned["gone_ms"].as_u64().is_some_and(|gone| gone >= 2_000), "{returned}");
    assert_eq!(pacemeter.stop().code, Some(0));
}

#[test]
fn it_shuts_down_in_order_without_any_answer() {
    let proxy = Proxy::at(shared_kafka().door());
    let topics = Topics::create(shared_kafka(), 1, LOG_APPEND_TIME);
    let state = tempfile::tempdir().expect("a temporary directory");
    let more = ["kafka.commit_interval=60s", "shutdown.deadline=2s"].map(str::to_owned).to_vec();
    let settings = [topics.settings(), through(&proxy).to_vec(), probes::labels().to_vec(), more].concat();
    let mut pacemeter = Pacemeter::start(&state, &settings);
    pacemeter.wait_ready();
    topics.write(Stream::Milestone, &milestones(0, "before", 50));
    await_reached(&mut pacemeter, 50);
    proxy.hold();
    // There is an offset to commit, and no answer.
    let ended = pacemeter.stop();
    assert_eq!(ended.code, Some(0), "the log:\n{}", ended.stderr);
    assert!(ended.took < Duration::from_secs(20), "it took {:?}", ended.took);
}

#[test]
fn connections_cut_in_the_middle_of_answers_change_no_figure() {
    const SEED: u64 = 20_200_517;
    println!("seed {SEED}");
    let proxy = Proxy::at(shared_kafka().door());
    let mut test_log = TestLog::new(shared_kafka(), GENERATED);
    let mut first = generated(Clock::wall().now());
    let second = first.split_off(first.len() / 2);
    test_log.write(first);
    // Small answers, so that some arrive before the next cut.
    let more = "kafka.properties.fetch.message.max.bytes=20000".to_owned();
    let settings = [test_log.settings(), through(&proxy).to_vec(), vec![more]].concat();
    proxy.cut(SEED, 60, 100..150_000);
    let state = tempfile::tempdir().expect("a temporary directory");
    let mut pacemeter = Pacemeter::start(&state, &settings);
    pacemeter.wait_ready();
    test_log.write(second);
    proxy.cut(SEED + 1, 60, 100..150_000);
    test_log.wait_complete(&mut pacemeter);
    test_log.assert_figures(&pacemeter);
    test_log.assert_dead_letters();
    assert!(proxy.cuts() >= 10, "only {} connections were cut", proxy.cuts());
    assert!(errors(&pacemeter, "connection") > 0.0);
    assert_eq!(pacemeter.stop().code, Some(0));
}

#[test]
fn a_damaged_batch_stalls_its_partition_alone() {
    let proxy = Proxy::at(shared_kafka().door());
    let topics = Topics::create(shared_kafka(), 2, LOG_APPEND_TIME);
    topics.write(Stream::Milestone, &milestones(0, "before", 50));
    topics.write(Stream::Milestone, &milestones(1, "before", 50));
    let state = tempfile::tempdir().expect("a temporary directory");
    let more = ["kafka.stall_timeout=3s".to_owned()];
    let settings = [topics.settings(), through(&proxy).to_vec(), probes::labels().to_vec(), more.to_vec()].concat();
    let mut pacemeter = Pacemeter::start(&state, &settings);
    pacemeter.wait_ready();
    await_reached(&mut pacemeter, 100);

    // One bit of one record's text, which only a checksum can find.
    proxy.damage(Some(b"damaged-0-20"));
    topics.write(Stream::Milestone, &milestones(0, "damaged", 50));
    topics.write(Stream::Milestone, &milestones(0, "behind", 50));
    topics.write(Stream::Milestone, &milestones(1, "beside", 50));
    await_reached(&mut pacemeter, 150);
    let interrupted = pacemeter.until("partition, offset and reason are logged", |pacemeter| {
        pacemeter.events("pacemeter.partition.interrupted").pop()
    });
    assert_eq!(
        (&interrupted["partition"], &interrupted["offset"], &interrupted["code"]),
        (&0.into(), &50.into(), &"BadMessage".into())
    );
    pacemeter.until("it tries again", |pacemeter| (errors(pacemeter, "partition") >= 2.0).then_some(()));
    pacemeter.until("the partition counts as stalled", |pacemeter| (!is_ready(pacemeter)).then_some(()));
    // The other partition continues; of this one no record after the damage is taken.
    topics.write(Stream::Milestone, &milestones(1, "beside-2", 50));
    await_reached(&mut pacemeter, 200);
    assert!(proxy.damages() >= 2);

    proxy.damage(None);
    await_reached(&mut pacemeter, 300);
    pacemeter.wait_ready();
    assert_eq!(probes::records(&pacemeter, Stream::Milestone, Outcome::Applied), Some(300.0));
    assert_eq!(own(&pacemeter, "pacemeter_ready"), 1.0);
    assert_eq!(pacemeter.stop().code, Some(0));
}
