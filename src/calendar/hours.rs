//! Opening hours of a day by the local clock.

use crate::clock::{MINUTE, Millis};
use crate::settings::redacted_text;

const MINUTES_OF_A_DAY: u16 = 24 * 60;

/// Span of a day in minutes from midnight; `to` is excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MinuteSpan {
    from: u16,
    to: u16,
}

/// Spans of a day, ascending and without overlap. Empty for a closed day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Hours(Vec<MinuteSpan>);

impl MinuteSpan {
    /// Parses a span such as `09:00-18:00`; the end of the day is `24:00`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let shown = redacted_text(text);
        let expected =
            || format!("{shown:?} is no span of hours; write it as \"09:00-18:00\", the end of the day as 24:00");
        let (from, to) = text.split_once('-').ok_or_else(expected)?;
        let (from, to) = (minute(from.trim()).ok_or_else(expected)?, minute(to.trim()).ok_or_else(expected)?);
        if from < to {
            return Ok(Self { from, to });
        }
        Err(format!(
            "{shown:?} does not end after it begins; split a span over midnight in two, the second on the next day"
        ))
    }
}

impl Hours {
    pub(super) fn all_day() -> Self {
        Self(vec![MinuteSpan { from: 0, to: MINUTES_OF_A_DAY }])
    }

    /// Sorts the spans; refuses two that overlap.
    pub(super) fn from_spans(mut spans: Vec<MinuteSpan>) -> Result<Self, String> {
        spans.sort_unstable();
        match spans.windows(2).find(|pair| pair[1].from < pair[0].to) {
            Some(pair) => Err(format!("{} and {} overlap; join them", shown(pair[0]), shown(pair[1]))),
            None => Ok(Self(spans)),
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn minutes(&self) -> u16 {
        self.0.iter().map(|span| span.to - span.from).sum()
    }

    /// Spans split at full hours: hour of the day, start and end. Milliseconds from midnight by the local clock.
    pub(super) fn by_hour(&self) -> impl Iterator<Item = (u8, Millis, Millis)> {
        let hours = self.0.iter().flat_map(|span| (0..24).map(move |hour| (span, hour)));
        hours.filter_map(|(span, hour)| {
            let first = 60 * u16::from(hour);
            let (from, to) = (span.from.max(first), span.to.min(first + 60));
            (from < to).then(|| (hour, Millis::from(from) * MINUTE, Millis::from(to) * MINUTE))
        })
    }
}

fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':').filter(|(hour, minute)| hour.len() == 2 && minute.len() == 2)?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    let (hour, minute): (u16, u16) = (digits(hour)?, digits(minute)?);
    (minute < 60).then_some(60 * hour + minute).filter(|total| *total <= MINUTES_OF_A_DAY)
}

fn shown(span: MinuteSpan) -> String {
    let time = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
    format!("{}-{}", time(span.from), time(span.to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(texts: &[&str]) -> Result<Hours, String> {
        Hours::from_spans(texts.iter().map(|text| MinuteSpan::parse(text)).collect::<Result<_, _>>()?)
    }

    #[test]
    fn spans_may_come_in_any_order() {
        let day = parsed(&["14:00-18:30", "00:00-01:15", "18:30-24:00"]).unwrap();
        assert_eq!(day.minutes(), 75 + 270 + 330);
        let hours: Vec<_> = day.by_hour().map(|(hour, from, to)| (hour, (to - from) / MINUTE)).collect();
        assert_eq!(hours[..4], [(0, 60), (1, 15), (14, 60), (15, 60)]);
        assert_eq!(parsed(&[]).unwrap(), Hours::default());
    }

    #[test]
    fn wrong_and_overlapping_spans_are_refused_with_a_remedy() {
        assert!(parsed(&["09:00-14:00", "13:59-15:00"]).unwrap_err().contains("09:00-14:00 and 13:59-15:00 overlap"));
        assert!(MinuteSpan::parse("22:00-06:00").unwrap_err().contains("over midnight"));
        for text in
            ["", "9:00-18:00", "09:00", "09:00-24:01", "09:60-10:00", "+9:00-10:00", "09:00-25:00", "é9:00-10:00"]
        {
            assert!(MinuteSpan::parse(text).unwrap_err().contains("no span of hours"), "{text}");
        }
    }
}
