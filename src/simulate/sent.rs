//! The meaning of an occurrence, for the oracle: taken from the occurrence itself, never read back from the bytes.

use super::occurrence::{AGENT, Body, CALL, CREDIT, Occurrence, source};
use super::style::{Amount, Style};
use super::text;
use crate::clock::Millis;
use crate::event::Centavos;
use crate::oracle::{self, PesoAmount, SentRecord, Spelling};

/// Event that an occurrence written in `style` must be read as. `run` stands for the seed, as in [`text::run`].
pub(super) fn event(occurrence: &Occurrence, style: Style, run: &str) -> SentRecord {
    SentRecord::Event(oracle::SentEvent {
        id: text_of(|out| {
            out.extend_from_slice(run.as_bytes());
            text::decimal(out, occurrence.serial);
        }),
        source: style.source.then(|| source(occurrence.body.stream()).to_owned()),
        time: occurrence.time,
        body: body(&occurrence.body, style, run),
    })
}

fn body(body: &Body, style: Style, run: &str) -> oracle::SentBody {
    let millis = |millis: Option<u32>| millis.map(Millis::from);
    match *body {
        Body::Disbursement { kind, support, amount } => oracle::SentBody::Disbursement(oracle::SentDisbursement {
            kind,
            programme: support.programme.to_owned(),
            state: support.state.map(str::to_owned),
            beneficiary: text_of(|out| text::person(out, support.person)),
            credit: text_of(|out| text::thing(out, CREDIT, run, support.number)),
            amount: kind.has_amount().then(|| peso_amount(amount, style)),
            currency: style.currency.then(|| "MXN".to_owned()),
        }),
        Body::Call { kind, call, queue, seconds } => oracle::SentBody::Call(oracle::SentCall {
            kind,
            call: text_of(|out| text::thing(out, CALL, run, call)),
            queue: queue.to_owned(),
            talk: millis(seconds.talk),
            hold: millis(seconds.hold),
            wrap_up: millis(seconds.wrap_up),
        }),
        Body::Agent { agent, site, status } => oracle::SentBody::Agent(oracle::SentAgent {
            agent: text_of(|out| text::thing(out, AGENT, "", agent)),
            site: site.map(str::to_owned),
            status,
        }),
        Body::Milestone { kind, initiative, milestone, quantity } => {
            oracle::SentBody::Milestone(oracle::SentMilestone {
                kind,
                initiative: initiative.to_owned(),
                milestone: milestone.to_owned(),
                quantity,
            })
        }
    }
}

fn peso_amount(amount: Centavos, style: Style) -> PesoAmount {
    let spelling = match style.amount {
        Amount::Exponent => Spelling::Exponent,
        short if short.is_short() && amount.is_multiple_of(100) => Spelling::Whole,
        _ => Spelling::TwoDecimals,
    };
    PesoAmount { centavos: amount, spelling }
}

fn text_of(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::with_capacity(32);
    write(&mut out);
    String::from_utf8(out).expect("identifiers are ASCII")
}
