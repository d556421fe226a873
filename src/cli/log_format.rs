//! Option for the form of the log, of the commands that write one.

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::settings::Layers;
use crate::telemetry::log::FORMATS;

/// Form of the log.
#[derive(Args)]
pub(crate) struct LogFormatArgs {
    /// Form of the log's lines, short for `--set log.format=FORMAT`: auto, json, text or journal.
    #[arg(long, value_name = "FORMAT", hide_possible_values = true,
          value_parser = PossibleValuesParser::new(FORMATS.map(|(name, _)| name)))]
    log_format: Option<String>,
}

impl LogFormatArgs {
    /// Adds the chosen form to the settings; it overrides all other sources.
    pub(crate) fn add_to(&self, mut layers: Layers) -> Layers {
        layers.overrides.extend(self.log_format.iter().map(|format| format!("log.format={format}")));
        layers
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::{Command, parse};

    #[test]
    fn the_form_of_the_log_is_an_option_above_all_settings() {
        let line = "pacemeter run --log-format text --set log.format=json";
        let Ok(Command::Run(run)) = parse(line.split(' ')) else { panic!("run") };
        assert_eq!(run.log.add_to(run.settings.own_layers()).overrides, ["log.format=json", "log.format=text"]);
        let Ok(Command::Demo(demo)) = parse(["pacemeter", "demo", "--log-format=journal"]) else { panic!("demo") };
        assert_eq!(demo.log.add_to(demo.settings.own_layers()).overrides, ["log.format=journal"]);
    }
}
