//! A process that is killed while all is well, and has an hour to read when it comes back.

use pacemeter::clock::MINUTE;

use super::outage::monday_on_plan;

#[test]
fn a_kill_a_start_without_broker_and_the_backlog_are_no_lag() {
    let mut environment = monday_on_plan();
    environment.kill();
    environment.start();
    environment.wait_until(environment.now() + 10 * MINUTE);
    environment.assert_silent();

    // What it knows from its checkpoint is older by the minute.
    let outage = environment.now();
    environment.proxy().pull();
    environment.kill();
    environment.start_unready();
    environment.wait_until(outage + 75 * MINUTE);
    environment.assert_silent();
    environment.proxy().release();
    environment.wait_ready();
    environment.wait_until(environment.now() + 40 * MINUTE);
    environment.assert_silent();
}
