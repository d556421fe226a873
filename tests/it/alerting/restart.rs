//! A process that is killed while all is well, and has an hour to read when it comes back.

use pacemeter::clock::MINUTE;

use super::outage::{on_plan, targets};
use super::scene::{Opening, Scene, instant};

#[test]
fn neither_a_kill_nor_a_start_without_a_broker_nor_the_backlog_after_it_is_a_lag() {
    let mut scene = Scene::open(&Opening {
        at: "2020-05-11T11:10",
        speed: 120,
        // 667 people an hour.
        targets: targets(30_000),
        paid: &on_plan("2020-05-11T11:10", 1_460),
        an_hour: 670.0,
        has_proxy: true,
    });
    // From here on a twentieth of the plan has passed.
    scene.wait_until(instant("2020-05-11T11:25"));
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
