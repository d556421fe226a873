//! Sentence that says in Spanish and English how a target is doing. Terminal and API show it as it is, so that both say
//! the same (docs/targets.md#status).
//!
//! The first sentence is the verdict, the second has the figures behind it. Numbers are rounded for reading: people and
//! calls to whole ones, projections to three figures, money beyond a million to tenths of a million.

use jiff::Zoned;
use jiff::tz::TimeZone;

use super::pace::PaceReport;
use super::status::PaceStatus;
use super::{Measure, Quantity, Target};
use crate::calendar::Period;
use crate::clock::Timestamp;
pub use crate::settings::BilingualText;

/// A target's figures at an instant, and what is known of the time around it.
#[derive(Debug, Clone, Copy)]
pub struct SentenceInput<'a> {
    /// Target that the figures are of.
    pub target: &'a Target,
    /// Figures of the current period.
    pub report: &'a PaceReport,
    /// Status of these figures.
    pub status: PaceStatus,
    /// Instant of the figures.
    pub now: Timestamp,
    /// Instant up to which the figures are complete; `None` if unknown.
    pub complete_until: Option<Timestamp>,
    /// Zone of the programme, in which times are written.
    pub zone: &'a TimeZone,
}

/// Says how the target is doing.
pub fn sentence(input: &SentenceInput<'_>) -> BilingualText {
    match input.status {
        PaceStatus::Unknown => input.unknown(),
        PaceStatus::Reached => input.reached(),
        PaceStatus::Closed => input.closed(),
        PaceStatus::Starting => {
            let (es, en) = period_words(input.target.period);
            text(format!("{} apenas empieza.", capitalized(es)), format!("{} has just begun.", capitalized(en)))
        }
        // A held status may differ from its figures for a moment; then the figures alone are said.
        PaceStatus::AtRisk | PaceStatus::Behind | PaceStatus::SlightlyBehind if input.is_contradicted() => {
            input.on_pace()
        }
        PaceStatus::AtRisk => {
            input.distance("No se alcanzará la meta a este ritmo.", "At this pace the goal will be missed.")
        }
        PaceStatus::Behind | PaceStatus::Ahead | PaceStatus::OnPace if input.is_ratio() => input.ratio(),
        PaceStatus::Behind => input.distance("Vamos atrás del plan.", "Behind the plan."),
        PaceStatus::SlightlyBehind => input.distance("Vamos un poco atrás del plan.", "A little behind the plan."),
        PaceStatus::WithinChance => text(
            "Vamos abajo del plan, pero con tan pocos puede ser azar.".to_owned(),
            "Below the plan, which may be chance with so few.".to_owned(),
        ),
        PaceStatus::Ahead => input.ahead(),
        PaceStatus::OnPace => input.on_pace(),
    }
}

impl SentenceInput<'_> {
    fn is_ratio(&self) -> bool {
        self.report.goal.ratio().is_some()
    }

    /// True if figures that are not of a ratio are neither behind the plan nor projected below the goal.
    fn is_contradicted(&self) -> bool {
        let goal = self.report.goal.value();
        !self.is_ratio()
            && self.report.shortfall.is_some_and(|shortfall| shortfall <= 0.0)
            && self.report.projection.is_none_or(|projection| projection >= goal)
    }

    fn unknown(&self) -> BilingualText {
        match self.complete_until {
            Some(time) if self.report.actual.is_some() => {
                let time = self.local(time).strftime("%H:%M:%S").to_string();
                text(format!("Última cifra conocida, de las {time}."), format!("The last figure known, of {time}."))
            }
            _ => text("Aún no hay cifra.".to_owned(), "No figure yet.".to_owned()),
        }
    }

    fn reached(&self) -> BilingualText {
        let (actual, goal) = (self.report.actual.map_or(0.0, Quantity::value), self.report.goal.value());
        let [(actual_es, actual_en), (goal_es, goal_en)] = [actual, goal].map(|amount| self.amount(amount));
        text(
            format!("Se alcanzó la meta: {actual_es} de {goal_es}."),
            format!("The goal is reached: {actual_en} of {goal_en}."),
        )
    }

    /// Says when the plan begins. Today may be a holiday, another day without work, or a working day that has not begun.
    fn closed(&self) -> BilingualText {
        let calendar = &self.target.calendar;
        let today = self.now.to_jiff().to_zoned(calendar.zone().clone()).date();
        let (es, en) = if calendar.is_holiday(today) {
            ("Hoy no se trabaja (feriado)", "No work today (holiday)")
        } else if calendar.is_working_day(today) {
            ("Aún no empieza la jornada", "The working day has not begun")
        } else {
            ("Hoy no se trabaja", "No work today")
        };
        match calendar.next_opening(self.now).filter(|next| *next < self.report.period.end) {
            Some(next) => {
                let next = self.local(next);
                let time = next.strftime("%H:%M");
                let (day_es, day_en) = self.day_words(&next);
                text(
                    format!("{es}; el plan empieza {day_es} a las {time}."),
                    format!("{en}; the plan begins {day_en} at {time}."),
                )
            }
            None => text(format!("{es}."), format!("{en}.")),
        }
    }

    /// Says the verdict, the distance to the plan and where the period would end.
    fn distance(&self, es: &str, en: &str) -> BilingualText {
        let (mut es, mut en) = (es.to_owned(), en.to_owned());
        let mut parts = Vec::new();
        if let Some(shortfall) = self.report.shortfall.filter(|shortfall| *shortfall > 0.0) {
            let (is_one, amount_es, amount_en) = self.counted(shortfall);
            let verb = if is_one { "falta" } else { "faltan" };
            parts.push((format!("{verb} {amount_es} para ir al plan"), format!("{amount_en} short of the plan")));
        }
        parts.extend(self.outlook());
        if !parts.is_empty() {
            let (parts_es, parts_en): (Vec<String>, Vec<String>) = parts.into_iter().unzip();
            es = format!("{es} {}.", capitalized(&parts_es.join("; ")));
            en = format!("{en} {}.", capitalized(&parts_en.join("; ")));
        }
        text(es, en)
    }

    fn ahead(&self) -> BilingualText {
        // A held status may be ahead of its figures for a moment.
        let Some(lead) = self.report.shortfall.map(|shortfall| -shortfall).filter(|lead| *lead > 0.0) else {
            return text("Vamos adelante del plan.".to_owned(), "Ahead of the plan.".to_owned());
        };
        let (_, es, en) = self.counted(lead);
        text(format!("Vamos adelante del plan por {es}."), format!("Ahead of the plan by {en}."))
    }

    /// On pace within what chance explains: the goal may still be missed, so only a projection promises it.
    fn on_pace(&self) -> BilingualText {
        match self.report.projection {
            Some(projection) if projection < self.report.goal.value() => {
                let (es, en) = self.outlook().unwrap_or_default();
                text(format!("Vamos con el plan; {es}."), format!("On plan; {en}."))
            }
            Some(_) => text(
                "A este ritmo se alcanzará la meta.".to_owned(),
                "At this pace the goal will be reached.".to_owned(),
            ),
            None => text("Vamos con el plan.".to_owned(), "On plan.".to_owned()),
        }
    }

    fn ratio(&self) -> BilingualText {
        let amounts = [self.report.actual.map_or(0.0, Quantity::value), self.report.goal.value()];
        let (es, en) = match self.status {
            PaceStatus::OnPace => ("Vamos en la meta", "At the goal"),
            _ if amounts[0] < amounts[1] => ("Vamos abajo de la meta", "Below the goal"),
            _ => ("Vamos arriba de la meta", "Above the goal"),
        };
        let [actual, goal] = amounts.map(|ratio| self.amount(ratio).0);
        text(format!("{es}: {actual}, y la meta es {goal}."), format!("{en}: {actual}, and the goal is {goal}."))
    }

    /// Projected end of the period at this pace; `None` while too little has passed.
    fn outlook(&self) -> Option<(String, String)> {
        let (period_es, period_en) = period_words(self.target.period);
        let (es, en) = self.amount(three_figures(self.report.projection?));
        Some((format!("{period_es} cerraría con cerca de {es}"), format!("{period_en} would end with about {en}")))
    }

    /// An amount with its unit, rounded to whole ones but not to none, and true if it is a single one.
    fn counted(&self, amount: f64) -> (bool, String, String) {
        if self.target.measure == Measure::NetPesos {
            let (es, en) = self.amount(amount);
            return (false, es, en);
        }
        let whole = amount.round().max(1.0);
        let is_one = whole == 1.0;
        let (es, en) = unit_words(self.target.measure, is_one);
        (is_one, format!("{} {es}", grouped(whole)), format!("{} {en}", grouped(whole)))
    }

    /// An amount without its unit; money with it.
    fn amount(&self, amount: f64) -> (String, String) {
        match self.target.measure {
            Measure::NetPesos if amount.round() >= 1e6 => {
                let millions = grouped((amount / 1e5).round() / 10.0);
                let tenths = (amount / 1e5).round() % 10.0;
                (format!("{millions}.{tenths:.0} mdp"), format!("{millions}.{tenths:.0} million pesos"))
            }
            Measure::NetPesos => {
                (format!("{} pesos", grouped(amount.round())), format!("{} pesos", grouped(amount.round())))
            }
            Measure::ServiceLevel => (format!("{:.1} %", amount * 100.0), format!("{:.1} %", amount * 100.0)),
            _ => (grouped(amount.round()), grouped(amount.round())),
        }
    }

    fn local(&self, time: Timestamp) -> Zoned {
        time.to_jiff().to_zoned(self.zone.clone())
    }

    /// `hoy`, or the day of the week.
    fn day_words(&self, time: &Zoned) -> (&'static str, &'static str) {
        if time.date() == self.local(self.now).date() {
            return ("hoy", "today");
        }
        WEEKDAYS[usize::from(time.weekday().to_monday_zero_offset().unsigned_abs())]
    }
}

/// Weekdays from Monday, as a date of the coming days is called.
const WEEKDAYS: [(&str, &str); 7] = [
    ("el lunes", "on Monday"),
    ("el martes", "on Tuesday"),
    ("el miércoles", "on Wednesday"),
    ("el jueves", "on Thursday"),
    ("el viernes", "on Friday"),
    ("el sábado", "on Saturday"),
    ("el domingo", "on Sunday"),
];

fn period_words(period: Period) -> (&'static str, &'static str) {
    match period {
        Period::Day => ("el día", "the day"),
        Period::Week(_) => ("la semana", "the week"),
        Period::Month => ("el mes", "the month"),
        Period::Campaign(..) => ("la campaña", "the campaign"),
    }
}

fn unit_words(measure: Measure, is_one: bool) -> (&'static str, &'static str) {
    let (one, more) = match measure {
        Measure::Beneficiaries => (("persona", "person"), ("personas", "people")),
        Measure::Dispersals => (("dispersión", "dispersal"), ("dispersiones", "dispersals")),
        Measure::NetPesos => (("peso", "peso"), ("pesos", "pesos")),
        Measure::Approvals => (("aprobación", "approval"), ("aprobaciones", "approvals")),
        Measure::Applications => (("solicitud", "application"), ("solicitudes", "applications")),
        Measure::CallsOffered | Measure::CallsAnswered | Measure::CallsCompleted => {
            (("llamada", "call"), ("llamadas", "calls"))
        }
        Measure::ServiceLevel => (("punto", "point"), ("puntos", "points")),
        Measure::Milestones => (("logro", "milestone"), ("logros", "milestones")),
    };
    if is_one { one } else { more }
}

fn text(es: String, en: String) -> BilingualText {
    BilingualText { es, en }
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Rounds to three significant figures.
fn three_figures(amount: f64) -> f64 {
    if amount <= 0.0 {
        return 0.0;
    }
    let unit = 10_f64.powi((amount.log10().floor() as i32 - 2).max(0));
    (amount / unit).round() * unit
}

/// The whole part of an amount, with separators of thousands as Mexico and English have them.
fn grouped(amount: f64) -> String {
    let digits = (amount.trunc() as i128).unsigned_abs().to_string();
    let mut text = if amount <= -1.0 { "\u{2212}".to_owned() } else { String::new() };
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests;
