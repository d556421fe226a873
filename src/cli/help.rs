//! Texts that stand below the options in `--help` and in the manual: examples, exit codes, and the sources of settings.
//!
//! One table has those of all commands. [`with_texts`] puts them into the definitions.

use clap::Command;

use crate::runtime::Exit;

/// Texts of one command.
pub(super) struct HelpTexts {
    /// Names of the command and those above it, without `pacemeter`.
    pub(super) path: &'static [&'static str],
    /// Pairs of a purpose and a command line, which the parser accepts.
    pub(super) examples: &'static [(&'static str, &'static str)],
    /// Exit codes besides those of every command.
    pub(super) exits: &'static [Exit],
    /// True if the command reads the settings.
    pub(super) reads_settings: bool,
}

/// Exit codes that every command may end with. Standard output alone may fail with 74, 75, 77 and 141.
const EVERY: [Exit; 7] = [Exit::Ok, Exit::Usage, Exit::Bug, Exit::Disk, Exit::TryAgain, Exit::Denied, Exit::ClosedPipe];
/// Further ones of a command that reads the settings.
const CONFIGURED: &[Exit] = &[Exit::Configuration];
/// Further ones of a command that reads the state directory, or asks for what is stored.
const READING_STATE: &[Exit] = &[Exit::StateUnusable, Exit::Configuration];
/// Further ones of a command that uses the state directory alone.
const HOLDING_STATE: &[Exit] = &[Exit::StateUnusable, Exit::StateLocked, Exit::Configuration];

/// Texts of all commands, in the order of the definitions.
pub(super) const TEXTS: &[HelpTexts] = &[
    HelpTexts {
        path: &[],
        examples: &[
            ("Play a simulated week; nothing to install", "pacemeter demo"),
            ("Check the settings and the topics, then run", "pacemeter check --config pacemeter.toml"),
            ("", "pacemeter run --config pacemeter.toml"),
            ("Ask the running pacemeter", "pacemeter status"),
        ],
        exits: &Exit::ALL,
        reads_settings: false,
    },
    HelpTexts {
        path: &["run"],
        examples: &[
            ("Run with a file of settings", "pacemeter run --config /etc/pacemeter/pacemeter.toml"),
            ("Change one setting for a trial", "pacemeter run --config pacemeter.toml --set log.level=debug"),
            ("Print all settings, and where each comes from", "pacemeter run --print-config"),
        ],
        exits: HOLDING_STATE,
        reads_settings: true,
    },
    HelpTexts {
        path: &["demo"],
        examples: &[
            ("Play a week in 90 seconds", "pacemeter demo"),
            ("Play for 30 seconds, then verify every figure", "pacemeter demo --for 30s"),
            ("Play the year 2020, and look at the page", "pacemeter demo --story 2020 --keep"),
            ("Run at the speed of the clock, for a Prometheus", "pacemeter demo --live"),
        ],
        exits: &[Exit::Different, Exit::Configuration],
        reads_settings: true,
    },
    HelpTexts {
        path: &["check"],
        examples: &[
            ("Check settings, targets, calendars and topics", "pacemeter check --config pacemeter.toml"),
            ("On a build server, without Kafka", "pacemeter check --config pacemeter.toml --offline --deny-warnings"),
        ],
        exits: CONFIGURED,
        reads_settings: true,
    },
    HelpTexts {
        path: &["targets"],
        examples: &[
            ("Print the targets once, or once a second", "pacemeter targets"),
            ("", "pacemeter targets --watch"),
            ("Print JSON for a program", "pacemeter targets --json"),
            (
                "Ask a server with TLS and a password",
                "pacemeter targets --address https://metrics.example.org:9464 --http-config-file client.yml",
            ),
        ],
        exits: CONFIGURED,
        reads_settings: true,
    },
    HelpTexts {
        path: &["status"],
        examples: &[
            ("See whether the figures can be relied on", "pacemeter status"),
            ("Watch a start", "pacemeter status --watch --address 127.0.0.1:9464"),
            (
                "Ask a server with TLS and a password",
                "pacemeter status --address https://10.0.0.1:9464 --ca-file ca.crt --user u --password-file pw",
            ),
        ],
        exits: CONFIGURED,
        reads_settings: true,
    },
    HelpTexts {
        path: &["cut"],
        examples: &[
            ("Print the newest cut, and list all", "pacemeter cut"),
            ("", "pacemeter cut --list"),
            ("Print the figures with which a week ended", "pacemeter cut 2020-W20 --by state"),
            ("Write them as CSV", "pacemeter cut 2020-05-15T18:00 --csv > cut.csv"),
        ],
        exits: READING_STATE,
        reads_settings: true,
    },
    HelpTexts {
        path: &["cut", "verify"],
        examples: &[
            ("Verify all stored cuts", "pacemeter cut verify --config pacemeter.toml"),
            ("Compute one again from the log", "pacemeter cut verify 20200515T230000Z --recompute"),
        ],
        exits: READING_STATE,
        reads_settings: true,
    },
    HelpTexts {
        path: &["cut", "accept"],
        examples: &[
            ("Accept that a cut is lost", "pacemeter cut accept 20200515T230000Z --reason disk-replaced"),
            ("Adopt the cuts of an older version", "pacemeter cut accept --unsealed --reason update"),
        ],
        exits: HOLDING_STATE,
        reads_settings: true,
    },
    HelpTexts {
        path: &["period"],
        examples: &[
            ("Print the figures of today, or of the last week", "pacemeter period"),
            ("", "pacemeter period last-week --by state"),
            ("Write those of a month as CSV", "pacemeter period 2020-05 --csv > may.csv"),
        ],
        exits: READING_STATE,
        reads_settings: true,
    },
    HelpTexts {
        path: &["produce"],
        examples: &[
            ("Write a trial to empty topics of this machine", "pacemeter produce --events 1000 --create-topics"),
            ("Write 500 events a second", "pacemeter produce --rate 500"),
            ("Also write the expected figures", "pacemeter produce --seed 7 --ledger expected.json"),
        ],
        exits: CONFIGURED,
        reads_settings: true,
    },
    HelpTexts {
        path: &["state"],
        examples: &[("See what is stored", "pacemeter state inspect --config pacemeter.toml")],
        exits: HOLDING_STATE,
        reads_settings: true,
    },
    HelpTexts {
        path: &["state", "inspect"],
        examples: &[("List checkpoints and cuts", "pacemeter state inspect --config pacemeter.toml")],
        exits: READING_STATE,
        reads_settings: true,
    },
    HelpTexts {
        path: &["state", "verify"],
        examples: &[("Read every byte, as after a restored backup", "pacemeter state verify --config pacemeter.toml")],
        exits: READING_STATE,
        reads_settings: true,
    },
    HelpTexts {
        path: &["state", "rebuild"],
        examples: &[
            ("Rebuild all figures at the next start", "pacemeter state rebuild --config pacemeter.toml"),
            ("Rebuild those of one stream", "pacemeter state rebuild --stream call"),
        ],
        exits: HOLDING_STATE,
        reads_settings: true,
    },
    HelpTexts {
        path: &["health"],
        examples: &[
            ("Check that the pacemeter of this container is ready", "pacemeter health"),
            ("Check that it answers at all, within half a second", "pacemeter health --live --timeout 500ms"),
            (
                "Prove who answers, and send a password",
                "pacemeter health --address https://127.0.0.1:9464 --http-config-file client.yml",
            ),
        ],
        exits: CONFIGURED,
        reads_settings: true,
    },
    HelpTexts {
        path: &["completions"],
        examples: &[
            ("For bash", "pacemeter completions bash > /usr/local/share/bash-completion/completions/pacemeter"),
            ("For zsh", "pacemeter completions zsh > /usr/local/share/zsh/site-functions/_pacemeter"),
            ("For fish", "pacemeter completions fish > ~/.config/fish/completions/pacemeter.fish"),
        ],
        exits: &[],
        reads_settings: false,
    },
    HelpTexts {
        path: &["man"],
        examples: &[("Install the manual", "pacemeter man --into /usr/local/share/man/man1")],
        exits: &[],
        reads_settings: false,
    },
];

/// Sources of settings, in the order of their strength.
pub(super) const SETTINGS_HELP: &str = "\
Settings, later sources override earlier ones: built-in defaults, --config files in order, environment variables \
(PACEMETER_KAFKA__BOOTSTRAP_SERVERS: prefix, then __ between levels), --set. `pacemeter run --print-config` prints all of them.";

/// Returns the texts of the command with this path.
pub(super) fn texts_of(path: &[String]) -> Option<&'static HelpTexts> {
    TEXTS.iter().find(|texts| texts.path == path)
}

impl HelpTexts {
    /// Returns all exit codes of the command, in their order.
    pub(super) fn exits(&self) -> impl Iterator<Item = Exit> {
        Exit::ALL.into_iter().filter(|exit| EVERY.contains(exit) || self.exits.contains(exit))
    }

    fn below_options(&self) -> String {
        let mut text = "Examples:".to_owned();
        for (purpose, line) in self.examples {
            if !purpose.is_empty() {
                text.push_str(&format!("\n  {purpose}:"));
            }
            text.push_str(&format!("\n      {line}"));
        }
        text.push_str("\n\nExit codes:");
        for exit in self.exits() {
            text.push_str(&format!("\n  {:>3}  {}", exit.code(), exit.meaning()));
        }
        if self.reads_settings {
            text.push_str(&format!("\n\n{SETTINGS_HELP}"));
        }
        text
    }
}

/// Adds the texts to a command and to those below it.
pub(super) fn with_texts(command: Command) -> Command {
    add(command, &mut Vec::new())
}

fn add(mut command: Command, path: &mut Vec<String>) -> Command {
    if let Some(texts) = texts_of(path) {
        command = command.after_long_help(texts.below_options());
        command = command.after_help(if texts.reads_settings {
            SETTINGS_HELP
        } else {
            "--help has examples and exit codes."
        });
    }
    command.mut_subcommands(|child| {
        path.push(child.get_name().to_owned());
        let child = add(child, path);
        path.pop();
        child
    })
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;
    use crate::cli::{self, Cli};

    /// Paths of all commands that are listed.
    fn paths(command: &Command, path: &[String]) -> Vec<Vec<String>> {
        let below =
            command.get_subcommands().flat_map(|child| paths(child, &[path, &[child.get_name().to_owned()]].concat()));
        [path.to_vec()].into_iter().chain(below).collect()
    }

    #[test]
    fn every_command_has_its_texts_and_no_other() {
        let defined = paths(&Cli::command(), &[]);
        let described: Vec<Vec<String>> =
            TEXTS.iter().map(|texts| texts.path.iter().map(ToString::to_string).collect()).collect();
        assert_eq!(described, defined, "in the order of the definitions");
    }

    #[test]
    fn every_example_is_parsed_as_its_own_command() {
        for texts in TEXTS {
            assert!(!texts.examples.is_empty() && !texts.examples[0].0.is_empty(), "{:?}", texts.path);
            for (_, line) in texts.examples {
                // The shell takes the rest.
                let words: Vec<&str> = line.split(' ').take_while(|word| *word != ">").collect();
                let parsed = Cli::try_parse_from(&words);
                assert!(parsed.is_ok(), "{line}: {}", parsed.err().map_or(String::new(), |error| error.to_string()));
                let begin = ["pacemeter"].iter().chain(texts.path);
                assert!(texts.path.is_empty() || words.iter().zip(begin).all(|(word, name)| word == name), "{line}");
                assert!(line.len() <= 94 && !line.contains(['\'', '"', '|', '$']), "{line}");
            }
        }
    }

    #[test]
    fn the_help_of_every_command_has_examples_and_exit_codes() {
        for texts in TEXTS {
            let words = ["pacemeter"].iter().chain(texts.path).chain(&["--help"]);
            let help = cli::command().term_width(100).try_get_matches_from(words).expect_err("help").to_string();
            let (_, below) = help.split_once("\nExamples:\n").unwrap_or_else(|| panic!("{:?}: {help}", texts.path));
            let (examples, exits) = below.split_once("\nExit codes:\n").expect("exit codes");
            assert!(texts.examples.iter().all(|(_, line)| examples.contains(line)), "{examples}");
            assert!(exits.contains("   0  ") && exits.contains("\n   64  ") | exits.contains("\n  64  "), "{exits}");
            // Every command prints, and standard output may be a full disk.
            assert!(["\n   74  ", "\n   75  ", "\n   77  "].iter().all(|code| exits.contains(code)), "{exits}");
            assert_eq!(exits.contains("--print-config"), texts.reads_settings, "{:?}", texts.path);
        }
        let short = cli::command()
            .term_width(100)
            .try_get_matches_from(["pacemeter", "run", "-h"])
            .expect_err("help")
            .to_string();
        assert!(!short.contains("Examples:") && short.contains("Settings, later sources"), "{short}");
    }
}
