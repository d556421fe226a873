//! A process that is killed while the programme is on plan, and has an hour of backlog when it comes back.

use pacemeter::clock::MINUTE;

use super::outage::monday_on_plan;

#[test]
fn a_kill_a_start_without_broker_and_the_backlog_are_no_lag() {
    let mut environment = monday_on_plan();
    environment.kill();
    environment.start();
    environment.wait_until(environment.now() + 10 * MINUTE);
    environment.assert_silent();

    // The figures of the checkpoint grow older.
    let outage = environment.now();
    environment.proxy().pull();
    environment.kill();
    environment.start_without_waiting();
    environment.wait_until(outage + 75 * MINUTE);
    environment.assert_silent();
    environment.proxy().release();
    environment.wait_ready();
    environment.wait_until(environment.now() + 40 * MINUTE);
    environment.assert_silent();
}
