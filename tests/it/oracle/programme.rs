//! The core against the oracle over a simulated programme, in which much goes wrong.

use std::collections::BTreeMap;

use pacemeter::clock::DAY;
use pacemeter::oracle::{PesoAmount, SentBody, SentEvent, SentRecord};
use pacemeter::simulate::{Envelopes, FaultRates, LiveOptions, LiveProgramme, PartitionCounts};

use super::{Core, START, assert_equal, oracle};

#[test]
fn figures_of_a_simulated_programme_are_the_oracles() {
    let usual = LiveOptions::of(9, 0.004, PartitionCounts::each(1), START);
    let options = LiveOptions { faults: FaultRates::HOSTILE, envelopes: Envelopes::Flat, ..usual };
    let now = START + 9 * DAY;
    let (mut core, mut oracle) = (Core::new(START), oracle());
    let mut respelt = 0;
    let mut amounts: BTreeMap<String, PesoAmount> = BTreeMap::new();
    for emission in LiveProgramme::new(options).advance_to(now) {
        // The core is given text without headers here.
        let Ok(value) = std::str::from_utf8(&emission.value) else { continue };
        if emission.headers.is_empty() {
            core.apply(emission.stream, 0, value, emission.timestamp);
            if let Some((id, amount)) = amount_of(&emission.sent) {
                let first = amounts.entry(id.to_owned()).or_insert_with(|| *amount);
                respelt += usize::from(first.centavos == amount.centavos && first.spelling != amount.spelling);
            }
            oracle.record(emission.stream, 0, emission.sent);
        }
    }
    assert!(respelt > 0, "an amount must come in two spellings");
    assert_equal(&oracle.figures(now), &core.figures(now)).expect("equal figures");
}

fn amount_of(sent: &SentRecord) -> Option<(&str, &PesoAmount)> {
    let SentRecord::Event(SentEvent { id, body: SentBody::Disbursement(body), .. }) = sent else { return None };
    Some((id, body.amount.as_ref()?))
}
