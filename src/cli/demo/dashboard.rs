//! Progress of the demo: a live dashboard on a terminal, otherwise a plain line every few seconds.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::tz::TimeZone;

use crate::cli::scrape::Samples;
use crate::clock::Timestamp;
use crate::runtime::{Failure, print};
use crate::settings::printable;

const LINE_INTERVAL: Duration = Duration::from_secs(3);
const ZONE: &str = "America/Mexico_City";

pub(super) struct Dashboard {
    kind: Kind,
    head: String,
    goal: u64,
    zone: TimeZone,
    /// Time and number of records at the last count.
    counted: Option<(Instant, f64)>,
    rate: f64,
}

enum Kind {
    Terminal { multi: MultiProgress, head: ProgressBar, week: ProgressBar, lines: Vec<ProgressBar> },
    Plain { due: Instant },
}

impl Dashboard {
    /// Shows the history of a programme with this goal, in people per week.
    pub(super) fn new(goal: f64) -> Self {
        let goal = (goal.round() as u64).max(1);
        let kind = if std::io::stdout().is_terminal() {
            terminal(goal, ProgressDrawTarget::stdout())
        } else {
            Kind::Plain { due: Instant::now() }
        };
        let zone = TimeZone::get(ZONE).unwrap_or(TimeZone::UTC);
        Self { kind, head: "history".to_owned(), goal, zone, counted: None, rate: 0.0 }
    }

    /// Shows the address of the figures, now that the history is there.
    ///
    /// # Errors
    /// The errors of [`print`].
    pub(super) fn begin(&mut self, address: SocketAddr) -> Result<(), Failure> {
        self.head = format!("http://{address}/metrics");
        match &self.kind {
            Kind::Terminal { .. } => Ok(()),
            Kind::Plain { .. } => self.print(&self.head),
        }
    }

    /// Formats a time in the programme's zone.
    pub(super) fn local(&self, time: Timestamp) -> String {
        time.to_jiff().to_zoned(self.zone.clone()).strftime("%a %Y-%m-%d %H:%M").to_string()
    }

    /// Displays the figures; `lag` is the number of sent records they do not include.
    ///
    /// # Errors
    /// The errors of [`print`].
    pub(super) fn update(&mut self, samples: &Samples, now: Timestamp, lag: usize) -> Result<(), Failure> {
        self.count(samples);
        let time = self.local(now);
        let texts = Texts::new(samples, self.goal, self.rate, lag);
        match &mut self.kind {
            Kind::Terminal { head, week, lines, .. } => {
                head.set_message(format!("{time}  {}", self.head));
                week.set_position(texts.paid.min(self.goal));
                week.set_message(texts.week);
                for (line, text) in lines.iter().zip(texts.lines) {
                    line.set_message(text);
                }
            }
            Kind::Plain { due } => {
                let now = Instant::now();
                if now >= *due {
                    *due = now + LINE_INTERVAL;
                    return print(&format!("{time}  {}\n", texts.line()));
                }
            }
        }
        Ok(())
    }

    /// Prints a message, above the panel if there is one.
    ///
    /// # Errors
    /// The errors of [`print`].
    pub(super) fn print(&self, text: &str) -> Result<(), Failure> {
        match &self.kind {
            Kind::Terminal { multi, .. } => {
                // A terminal that cannot be drawn on is no reason to stop.
                let _ = multi.println(printable(text));
                Ok(())
            }
            Kind::Plain { .. } => print(&format!("{text}\n")),
        }
    }

    /// Leaves the last figures on the terminal. Nothing is drawn any more: it would be drawn over what was printed since.
    pub(super) fn finish(&mut self) {
        let plain = Kind::Plain { due: Instant::now() };
        if let Kind::Terminal { head, week, lines, .. } = std::mem::replace(&mut self.kind, plain) {
            for bar in [head, week].into_iter().chain(lines) {
                bar.abandon();
            }
            // The cursor is still behind the last line.
            let _ = print("\n");
        }
    }

    fn count(&mut self, samples: &Samples) {
        let Some(read) = samples.sum("pacemeter_records_total") else { return };
        let now = Instant::now();
        if let Some((then, before)) = self.counted {
            let seconds = (now - then).as_secs_f64();
            if seconds < 0.2 {
                return;
            }
            let rate = (read - before) / seconds;
            // The mean of old and new rate is steady enough to read and quick enough to follow.
            self.rate = if self.rate == 0.0 { rate } else { (self.rate + rate) / 2.0 };
        }
        self.counted = Some((now, read));
    }
}

fn terminal(goal: u64, target: ProgressDrawTarget) -> Kind {
    let multi = MultiProgress::with_draw_target(target);
    let style = |template: &str| ProgressStyle::with_template(template).expect("the template is sound");
    let line = |template: &str| {
        let bar = multi.add(ProgressBar::new(goal).with_style(style(template)));
        bar.tick();
        bar
    };
    // A wide message is cut at the edge of the terminal; another would wrap and break the panel.
    let head = line("{wide_msg:.bold}");
    let week = line("week     {bar:30.cyan} {wide_msg}");
    let lines = Texts::TITLES.map(|title| line(&format!("{title:8} {{wide_msg}}"))).into();
    Kind::Terminal { multi, head, week, lines }
}

/// Texts of the dashboard.
struct Texts {
    is_known: bool,
    paid: u64,
    week: String,
    lines: [String; 7],
}

impl Texts {
    const TITLES: [&'static str; 7] = ["", "today", "backlog", "calls", "agents", "records", "faults"];

    /// Joins all texts on one line; without figures, that is the first.
    fn line(&self) -> String {
        if !self.is_known {
            return self.week.clone();
        }
        let lines = Self::TITLES.iter().zip(&self.lines).map(|(title, text)| match *title {
            "" => format!(", {text}"),
            title => format!(" | {title}: {text}"),
        });
        format!("week: {}{}", self.week, lines.collect::<String>())
    }

    fn new(samples: &Samples, goal: u64, rate: f64, lag: usize) -> Self {
        let is_known = samples.sum("pacemeter_records_total").is_some();
        let sum = |name: &str| samples.sum(name).unwrap_or(0.0);
        let count = |name: &str| human(sum(name));
        let part = |name: &str, pair: &str| human(samples.sum_where(name, pair).unwrap_or(0.0));
        let paid = sum("pacemeter_week_beneficiaries") as u64;
        let week = if is_known {
            let share = paid as f64 * 100.0 / goal as f64;
            format!("{} of {} people ({share:.1} %)", HumanCount(paid), HumanCount(goal))
        } else {
            "not ready yet".to_owned()
        };
        let pesos = millions(sum("pacemeter_week_net_pesos"));
        let today =
            format!("{} people, {}", count("pacemeter_day_beneficiaries"), millions(sum("pacemeter_day_net_pesos")));
        let backlog =
            format!("{} supports, {}", count("pacemeter_backlog_supports"), millions(sum("pacemeter_backlog_pesos")));
        let answered = samples.sum_where("pacemeter_call_events_total", "event=\"answered\"").unwrap_or(0.0);
        let in_time =
            if answered > 0.0 { sum("pacemeter_calls_answered_within_target_total") * 100.0 / answered } else { 0.0 };
        let offered = part("pacemeter_call_events_total", "event=\"offered\"");
        let completed = part("pacemeter_call_events_total", "event=\"completed\"");
        let calls = if answered > 0.0 || completed == "0" {
            let (answered, waiting) = (human(answered), count("pacemeter_calls_waiting"));
            format!("{offered} offered, {answered} answered, {in_time:.1} % in time, {waiting} waiting")
        } else {
            format!("{completed} handled")
        };
        let agents = format!(
            "{} at work, {} on a call, {} available",
            count("pacemeter_agents"),
            part("pacemeter_agents", "status=\"handling\""),
            part("pacemeter_agents", "status=\"available\"")
        );
        let outcome = |outcome: &str| part("pacemeter_records_total", &format!("outcome=\"{outcome}\""));
        let records = format!(
            "{} read, {} a second, {} behind",
            count("pacemeter_records_total"),
            human(rate),
            HumanCount(lag as u64)
        );
        let faults = format!(
            "{} duplicate, {} rejected, {} expired",
            outcome("duplicate"),
            outcome("rejected"),
            outcome("expired")
        );
        Self { is_known, paid, week, lines: [pesos, today, backlog, calls, agents, records, faults] }
    }
}

fn human(value: f64) -> String {
    HumanCount(value.max(0.0) as u64).to_string()
}

fn millions(pesos: f64) -> String {
    format!("{:.1} million pesos", pesos / 1e6)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use indicatif::TermLike;

    use super::*;

    /// Terminal that counts what is written to it.
    #[derive(Debug, Clone, Default)]
    struct CountingTerminal(Arc<AtomicUsize>);

    impl CountingTerminal {
        fn written(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }

        fn count(&self) -> io::Result<()> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
    }

    impl TermLike for CountingTerminal {
        fn width(&self) -> u16 {
            100
        }

        fn move_cursor_up(&self, _lines: usize) -> io::Result<()> {
            self.count()
        }

        fn move_cursor_down(&self, _lines: usize) -> io::Result<()> {
            self.count()
        }

        fn move_cursor_right(&self, _columns: usize) -> io::Result<()> {
            self.count()
        }

        fn move_cursor_left(&self, _columns: usize) -> io::Result<()> {
            self.count()
        }

        fn write_line(&self, _text: &str) -> io::Result<()> {
            self.count()
        }

        fn write_str(&self, _text: &str) -> io::Result<()> {
            self.count()
        }

        fn clear_line(&self) -> io::Result<()> {
            self.count()
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nothing_is_drawn_over_what_follows_the_end() {
        let screen = CountingTerminal::default();
        let kind = terminal(100, ProgressDrawTarget::term_like(Box::new(screen.clone())));
        let mut dashboard =
            Dashboard { kind, head: String::new(), goal: 100, zone: TimeZone::UTC, counted: None, rate: 0.0 };
        dashboard.update(&Samples::parse(""), Timestamp::EPOCH, 0).unwrap();
        dashboard.finish();
        let written = screen.written();
        assert_ne!(written, 0);
        // The result is printed here. The demo also finishes the dashboard when a run ends early.
        dashboard.finish();
        drop(dashboard);
        assert_eq!(screen.written(), written);
    }

    #[test]
    fn figures_are_formatted_as_texts() {
        let text = "pacemeter_records_total{stream=\"call\",outcome=\"applied\"} 1500\n\
                    pacemeter_records_total{stream=\"call\",outcome=\"duplicate\"} 7\n\
                    pacemeter_week_beneficiaries{programme=\"a\",state=\"MX-JAL\"} 12000\n\
                    pacemeter_week_beneficiaries{programme=\"b\",state=\"MX-JAL\"} 345\n\
                    pacemeter_week_net_pesos{programme=\"a\",state=\"MX-JAL\"} 308625000.00\n\
                    pacemeter_call_events_total{queue=\"a\",event=\"answered\"} 200\n\
                    pacemeter_calls_answered_within_target_total{queue=\"a\"} 150\n\
                    pacemeter_agents{site=\"a\",status=\"handling\"} 12\npacemeter_agents{site=\"a\",status=\"available\"} 30\n";
        let texts = Texts::new(&Samples::parse(text), 100_000, 2_500.4, 12);
        assert_eq!(texts.week, "12,345 of 100,000 people (12.3 %)");
        assert_eq!(texts.lines[0], "308.6 million pesos");
        assert_eq!(texts.lines[3], "0 offered, 200 answered, 75.0 % in time, 0 waiting");
        assert_eq!(texts.lines[4], "42 at work, 12 on a call, 30 available");
        assert_eq!(texts.lines[5..], ["1,507 read, 2,500 a second, 12 behind", "7 duplicate, 0 rejected, 0 expired"]);
        assert!(texts.line().starts_with("week: 12,345 of 100,000 people (12.3 %), 308.6 million pesos | today: "));
    }

    /// The largest programme, far beyond its goal.
    #[test]
    fn the_panel_fits_80_columns() {
        let text = "pacemeter_records_total{outcome=\"duplicate\"} 99999999\npacemeter_week_beneficiaries 9999999\n\
                    pacemeter_week_net_pesos 99999999999\npacemeter_day_beneficiaries 9999999\n\
                    pacemeter_day_net_pesos 99999999999\npacemeter_backlog_supports 9999999\npacemeter_backlog_pesos 99999999999\n\
                    pacemeter_call_events_total{event=\"offered\"} 9999999\npacemeter_call_events_total{event=\"answered\"} 9999999\n\
                    pacemeter_calls_answered_within_target_total 9999999\npacemeter_calls_waiting 999999\n\
                    pacemeter_agents{status=\"handling\"} 99999\npacemeter_agents{status=\"available\"} 99999\n";
        let texts = Texts::new(&Samples::parse(text), 1_000_000, 9_999_999.0, 9_999_999);
        let week = format!("week     {}", " ".repeat(31)) + &texts.week;
        let lines = Texts::TITLES.iter().zip(&texts.lines).map(|(title, text)| format!("{title:8} {text}"));
        for line in lines.chain([week]) {
            assert!(line.chars().count() <= 80, "{} columns: {line}", line.chars().count());
        }
    }

    #[test]
    fn without_figures_the_week_is_not_ready() {
        assert_eq!(Texts::new(&Samples::parse(""), 100_000, 0.0, 0).line(), "not ready yet");
    }
}
