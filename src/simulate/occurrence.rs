//! Occurrences in the programme, before they are written as records: small plain values that are copied freely.

use crate::clock::Timestamp;
use crate::event::{CallKind, Centavos, DisbursementKind, FederalState, MilestoneKind, Status};
use crate::record::Stream;

/// Amount of one support: 25,000 pesos.
pub const SUPPORT: Centavos = 2_500_000;

/// One occurrence. Its `serial` determines the event's id and style, so the same occurrence always has the same bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Occurrence {
    pub serial: u64,
    pub time: Timestamp,
    pub body: Body,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Body {
    Disbursement { kind: DisbursementKind, support: Support, amount: Centavos },
    Call { kind: CallKind, call: u64, queue: &'static str, seconds: Seconds },
    Agent { agent: u64, site: Option<&'static str>, status: Status },
    Milestone { kind: MilestoneKind, initiative: &'static str, milestone: &'static str, quantity: Option<u32> },
}

/// One support: its person, and the labels of its events.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Support {
    pub number: u64,
    pub person: u64,
    pub programme: &'static str,
    pub state: Option<&'static str>,
}

/// Talk, hold and wrap-up of a completed call (ms); `None` where the call centre did not measure.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Seconds {
    pub talk: Option<u32>,
    pub hold: Option<u32>,
    pub wrap_up: Option<u32>,
}

impl Body {
    pub(super) fn stream(&self) -> Stream {
        match self {
            Body::Disbursement { .. } => Stream::Disbursement,
            Body::Call { .. } | Body::Agent { .. } => Stream::Call,
            Body::Milestone { .. } => Stream::Milestone,
        }
    }
}

/// Kind in the identifiers of supports, calls and agents, after the canary.
pub(super) const CREDIT: &str = "-S-";
pub(super) const CALL: &str = "-L-";
pub(super) const AGENT: &str = "-A-";

/// Source that a stream's producers give, if they give one.
pub(super) fn source(stream: Stream) -> &'static str {
    match stream {
        Stream::Disbursement => "/programa/pagos",
        Stream::Call => "/programa/atencion",
        Stream::Milestone => "/programa/avances",
    }
}

/// A choice among names, each with its share of `total`.
pub(super) struct Shares<const N: usize> {
    names: [&'static str; N],
    shares: [u32; N],
    total: u32,
}

impl<const N: usize> Shares<N> {
    pub(super) const fn new(names: [&'static str; N], shares: [u32; N]) -> Self {
        let mut total = 0;
        let mut index = 0;
        while index < N {
            total += shares[index];
            index += 1;
        }
        Self { names, shares, total }
    }

    /// Name chosen by `random`, any number.
    pub(super) fn pick(&self, random: u64) -> &'static str {
        let mut left = (random % u64::from(self.total)) as u32;
        for (name, share) in self.names.iter().zip(self.shares) {
            if left < share {
                return name;
            }
            left -= share;
        }
        self.names[N - 1]
    }
}

/// Programmes; the last one is in no allowlist, so that something is shown as `other`. So is the last queue.
pub(super) const PROGRAMMES: Shares<4> = Shares::new(
    ["credito-a-la-palabra", "personas-independientes", "trabajadoras-del-hogar", "piloto-regional"],
    [938, 40, 16, 6],
);
pub(super) const QUEUES: Shares<5> =
    Shares::new(["apoyos", "pagos", "hogar", "mercado-en-linea", "desborde"], [540, 260, 90, 100, 10]);
pub(super) const SITES: Shares<4> =
    Shares::new(["casa-centro", "casa-norte", "casa-occidente", "casa-sureste"], [45, 20, 20, 15]);

pub(super) const MEETING: &str = "reunion-regional";
pub(super) const MARKET: &str = "mercado-en-linea";
pub(super) const HOSPITALS: &str = "transferencia-de-hospitales";
pub(super) const AGREEMENT: &str = "acuerdo-firmado";
pub(super) const PARTICIPANT: &str = "participante-remoto";
pub(super) const MEETING_HOUR: &str = "hora-de-reunion";
pub(super) const BUSINESS: &str = "negocio-inscrito";
/// Milestones of hospitals that a state has handed over to the federation.
pub(super) const HOSPITALS_OF: [&str; 3] = ["hospital-de-oaxaca", "hospital-de-tabasco", "hospital-de-veracruz"];

/// Allowlists (`labels.*`) for the simulated programme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProgrammeLabels {
    /// Values of `labels.programmes`.
    pub programmes: &'static [&'static str],
    /// Values of `labels.queues`.
    pub queues: &'static [&'static str],
    /// Values of `labels.sites`.
    pub sites: &'static [&'static str],
    /// Values of `labels.initiatives`.
    pub initiatives: &'static [&'static str],
    /// Values of `labels.milestones`.
    pub milestones: &'static [&'static str],
}

/// Allowlists that contain everything the generator sends but one programme and one queue.
pub const LABELS: ProgrammeLabels = ProgrammeLabels {
    programmes: &["credito-a-la-palabra", "personas-independientes", "trabajadoras-del-hogar"],
    queues: &["apoyos", "pagos", "hogar", "mercado-en-linea"],
    sites: &["casa-centro", "casa-norte", "casa-occidente", "casa-sureste"],
    initiatives: &[MEETING, MARKET, HOSPITALS],
    milestones: &[AGREEMENT, PARTICIPANT, MEETING_HOUR, BUSINESS, HOSPITALS_OF[0], HOSPITALS_OF[1], HOSPITALS_OF[2]],
};

/// Thousands of inhabitants (census of 2020, INEGI) in the order of [`FederalState::CODES`].
const INHABITANTS: [u32; 32] = [
    1_426, 3_769, 798, 928, 3_742, 5_544, 9_210, 3_147, 731, 1_833, 3_541, 6_167, 3_083, 8_348, 16_992, 4_749, 1_971,
    1_235, 5_784, 4_132, 6_583, 2_368, 1_858, 3_027, 2_822, 2_945, 2_403, 3_528, 1_343, 8_063, 2_321, 1_622,
];

/// Federal state of each of 1,024 equal slices of the population.
const SLICES: [u8; 1_024] = slices();

const fn slices() -> [u8; 1_024] {
    let mut total = 0;
    let mut state = 0;
    while state < 32 {
        total += INHABITANTS[state];
        state += 1;
    }
    let mut slices = [0; 1_024];
    let (mut slice, mut state, mut below) = (0, 0, INHABITANTS[0]);
    while slice < 1_024 {
        // The state that contains the middle of the slice.
        while (2 * slice + 1) as u32 * total / 2_048 >= below {
            state += 1;
            below += INHABITANTS[state];
        }
        slices[slice] = state as u8;
        slice += 1;
    }
    slices
}

/// Code of a federal state chosen by `random`, any number, by population.
pub(super) fn home_state(random: u64) -> &'static str {
    FederalState::CODES[usize::from(SLICES[(random % 1_024) as usize])]
}

/// Federal state chosen by `random`, any number, by population; sometimes an old code, none, or one that does not
/// exist.
pub(super) fn state(random: u64) -> Option<&'static str> {
    match (random >> 10) % 1_000 {
        0..=2 => None,
        3 => Some("MX-XXX"),
        odd => match home_state(random) {
            "MX-CMX" if odd < 40 => Some("MX-DIF"),
            code => Some(code),
        },
    }
}

/// Hashes `number` to 64 bits, one to one (the finaliser of SplitMix64).
pub(super) fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Support of a number: mostly in the person's home state, one in a hundred elsewhere.
pub(super) fn support(seed: u64, number: u64, person: u64) -> Support {
    let random = mix(seed ^ mix(number));
    let home = if random.is_multiple_of(100) { random } else { person };
    Support { number, person, programme: PROGRAMMES.pick(random >> 32), state: state(mix(home)) }
}
