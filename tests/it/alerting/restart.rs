//! A process that is killed while all is well, and has an hour to read when it comes back.

use pacemeter::clock::MINUTE;

use super::outage::monday_on_plan;

#[test]
fn a_kill_a_start_without_broker_and_the_backlog_are_no_lag() {
    let mut scene = monday_on_plan();
    scene.kill();
    scene.start();
    scene.wait_until(scene.now() + 10 * MINUTE);
    scene.assert_silent();

    // What it knows from its checkpoint is older by the minute.
    let outage = scene.now();
    scene.proxy().pull();
    scene.kill();
    scene.start_unready();
    scene.wait_until(outage + 75 * MINUTE);
    scene.assert_silent();
    scene.proxy().release();
    scene.wait_ready();
    scene.wait_until(scene.now() + 40 * MINUTE);
    scene.assert_silent();
}
