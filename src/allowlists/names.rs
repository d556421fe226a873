//! Names of label values as people read them: from the settings `names.*`, and those of federal states, which are built
//! in. They are texts for display and nothing else: no figure depends on them.

use super::{Allowlist, LabelKind};
use crate::event::FederalState;
use crate::settings::{BilingualText, SettingsReader};

/// Names of the values of every list, by [`LabelKind`] and position.
#[derive(Debug, Clone)]
pub struct LabelNames([Vec<BilingualText>; LabelKind::ALL.len()]);

/// Names of the states in the order of [`FederalState::CODES`], as they are called in everyday language.
const STATES: [&str; 32] = [
    "Aguascalientes",
    "Baja California",
    "Baja California Sur",
    "Campeche",
    "Chihuahua",
    "Chiapas",
    "Ciudad de México",
    "Coahuila",
    "Colima",
    "Durango",
    "Guerrero",
    "Guanajuato",
    "Hidalgo",
    "Jalisco",
    "Estado de México",
    "Michoacán",
    "Morelos",
    "Nayarit",
    "Nuevo León",
    "Oaxaca",
    "Puebla",
    "Querétaro",
    "Quintana Roo",
    "Sinaloa",
    "San Luis Potosí",
    "Sonora",
    "Tabasco",
    "Tamaulipas",
    "Tlaxcala",
    "Veracruz",
    "Yucatán",
    "Zacatecas",
];

/// States whose English name differs.
const ENGLISH_STATES: [(&str, &str); 2] =
    [("Ciudad de México", "Mexico City"), ("Estado de México", "State of Mexico")];

/// Values of our own that any list can show.
const OWN_VALUES: [(&str, &str, &str); 2] = [("unknown", "sin dato", "unknown"), ("other", "otros", "other")];

impl LabelNames {
    /// Reads the names of these lists, which are in the order of [`LabelKind::ALL`].
    pub(super) fn read(reader: &mut SettingsReader, lists: [&Allowlist; LabelKind::ALL.len()]) -> Self {
        let mut lists = lists.into_iter();
        Self(LabelKind::ALL.map(|(kind, name)| {
            let values = lists.next().map_or(&[][..], Allowlist::names);
            if kind == LabelKind::State {
                return values.iter().map(|code| state_name(code)).collect();
            }
            let named = reader.texts_by_value(&format!("names.{name}s"), values);
            values.iter().map(|value| named.get(value).cloned().unwrap_or_else(|| own_name(value))).collect()
        }))
    }

    /// Name of the value at a position of a list.
    ///
    /// # Panics
    /// Panics if the list has no such position.
    pub fn of(&self, kind: LabelKind, index: usize) -> &BilingualText {
        &self.0[kind as usize][index]
    }
}

fn own_name(value: &str) -> BilingualText {
    let own = OWN_VALUES.iter().find(|(own, ..)| *own == value);
    own.map_or_else(|| BilingualText::same(value), |(_, es, en)| BilingualText::new(*es, *en))
}

fn state_name(code: &str) -> BilingualText {
    let index = FederalState::CODES.iter().position(|known| *known == code);
    let Some(es) = index.and_then(|index| STATES.get(index)) else { return own_name(code) };
    let en = ENGLISH_STATES.iter().find(|(spanish, _)| spanish == es).map_or(*es, |(_, english)| english);
    BilingualText::new(*es, en)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allowlists::Allowlists;
    use crate::settings::Layers;

    fn read(overrides: &[&str]) -> Result<Allowlists, String> {
        let mut all = vec!["labels.programmes=['palabra', 'a.es', 'constructor']".to_owned()];
        all.extend(overrides.iter().map(|&text| text.to_owned()));
        let mut reader = SettingsReader::load(&Layers { overrides: all, ..Layers::default() });
        let allowlists = Allowlists::read(&mut reader);
        reader.finish().map(|()| allowlists).map_err(|faults| faults.to_string())
    }

    fn programmes(overrides: &[&str]) -> Vec<(String, String)> {
        let allowlists = read(overrides).unwrap();
        let names = (0..allowlists.programmes.count()).map(|index| allowlists.names.of(LabelKind::Programme, index));
        names.map(|name| (name.es.clone(), name.en.clone())).collect()
    }

    fn pair(es: &str, en: &str) -> (String, String) {
        (es.to_owned(), en.to_owned())
    }

    #[test]
    fn a_value_without_a_name_is_shown_itself() {
        let shown = [pair("palabra", "palabra"), pair("a.es", "a.es"), pair("constructor", "constructor")];
        assert_eq!(programmes(&[])[..3], shown);
        assert_eq!(programmes(&[])[3], pair("otros", "other"));
    }

    #[test]
    fn a_name_is_one_text_or_one_for_each_language() {
        let overrides = [
            "names.programmes.palabra={ es = 'Crédito', en = 'Credit' }",
            "names.programmes.'a.es'='<img src=x onerror=alert(1)>'",
            "names.programmes.other='Los demás'",
        ];
        let named = programmes(&overrides);
        assert_eq!(named[0], pair("Crédito", "Credit"));
        assert_eq!(named[1], pair("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"));
        assert_eq!(named[3], pair("Los demás", "Los demás"));
    }

    #[test]
    fn wrong_names_are_faults() {
        let long = format!("names.programmes.palabra='{}'", "ñ".repeat(121));
        for (wrong, fault) in [
            ("names.programmes.palabras='x'", "did you mean palabra?"),
            ("names.programmes={ palabra = 7 }", "is a whole number, expected a string"),
            ("names.programmes.palabra=' '", "is empty"),
            ("names.programmes.palabra={ es = 'x' }", "is without en"),
            ("names.programmes.palabra={ en = 'x' }", "is without es"),
            ("names.programmes.palabra={ es = 'x', en = 'y', fr = 'z' }", "names.programmes.palabra.fr"),
            ("names.programs.palabra='x'", "no such setting"),
            ("names.programmes='x'", "is a table of settings"),
            (&long, "has 121 characters; write at most 120"),
            ("programme.title=''", "is empty"),
            ("programme.title={ es = 'x' }", "lacks en"),
            ("programme.title={ es = 'x', en = 'y', fr = 'z' }", "unknown key"),
        ] {
            let faults = read(&[wrong]).expect_err(wrong);
            assert!(faults.contains(fault), "{wrong}: {faults}");
        }
    }

    #[test]
    fn states_have_their_names_built_in() {
        assert_eq!(state_name("MX-CMX"), BilingualText::new("Ciudad de México", "Mexico City"));
        assert_eq!(state_name("MX-MEX"), BilingualText::new("Estado de México", "State of Mexico"));
        assert_eq!(state_name("MX-ZAC"), BilingualText::same("Zacatecas"));
        assert_eq!(state_name("MX-CHP"), BilingualText::same("Chiapas"));
        assert_eq!(state_name("unknown"), BilingualText::new("sin dato", "unknown"));
    }

    #[test]
    fn the_programme_has_a_title() {
        assert_eq!(read(&[]).unwrap().title, BilingualText::same("Pacemeter"));
        let both = read(&["programme.title={ es = 'Apoyos', en = 'Supports' }"]).unwrap();
        assert_eq!(both.title, BilingualText::new("Apoyos", "Supports"));
    }
}
