//! Panels as the tables state them.

use crate::settings::BilingualText;

use super::text;

/// Form in which a panel shows its figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Visual {
    /// Large figures, coloured by the thresholds.
    Stat,
    /// Large figures on a background that is coloured by the thresholds.
    StatBackground,
    /// Names of the series, each on a background of its own colour.
    StatName,
    /// Lines over time.
    Lines,
    /// Lines over time with steps, for figures that change seldom.
    Steps,
    /// Areas over time, one above the other.
    Stacked,
    /// Bars over time, one above the other.
    Bars,
    /// Bars of the newest figures.
    BarGauge,
    /// Rows of labels with a column for each query.
    Table,
}

impl Visual {
    /// True if only the newest figures are asked for. What is older than a few minutes is then no data.
    pub(super) fn is_instant(self) -> bool {
        matches!(self, Self::Stat | Self::StatBackground | Self::StatName | Self::BarGauge | Self::Table)
    }

    /// True for lines, areas and bars over time.
    pub(super) fn is_graph(self) -> bool {
        matches!(self, Self::Lines | Self::Steps | Self::Stacked | Self::Bars)
    }
}

/// Bound from which a colour holds; the first has none.
pub(super) type ColourStep = (Option<f64>, &'static str);

/// Look of the series of a query.
#[derive(Debug, Clone, Default)]
pub(super) struct SeriesLook {
    pub(super) colour: Option<&'static str>,
    pub(super) width: Option<u8>,
    pub(super) fill: Option<u8>,
    pub(super) dashed: bool,
    /// Legend of the series down to which the area is filled.
    pub(super) fill_to: Option<BilingualText>,
}

/// Query of a panel.
#[derive(Debug, Clone)]
pub(super) struct PanelQuery {
    pub(super) expression: String,
    /// Legend of its series, or head of its column.
    pub(super) legend: BilingualText,
    /// Unit, where it is not the panel's.
    pub(super) unit: Option<&'static str>,
    pub(super) decimals: Option<u8>,
    pub(super) colours: Vec<ColourStep>,
    pub(super) look: SeriesLook,
    /// Maximum of a bar in a cell of the table; `None` for a plain cell.
    pub(super) gauge: Option<f64>,
    /// True if a table shows the labels alone, not the value.
    pub(super) labels_only: bool,
}

/// Creates a query.
pub(super) fn query(expression: impl Into<String>, legend: BilingualText) -> PanelQuery {
    PanelQuery {
        expression: expression.into(),
        legend,
        unit: None,
        decimals: None,
        colours: Vec::new(),
        look: SeriesLook::default(),
        gauge: None,
        labels_only: false,
    }
}

impl PanelQuery {
    pub(super) fn unit(mut self, unit: &'static str) -> Self {
        self.unit = Some(unit);
        self
    }

    pub(super) fn decimals(mut self, decimals: u8) -> Self {
        self.decimals = Some(decimals);
        self
    }

    pub(super) fn colours(mut self, steps: &[ColourStep]) -> Self {
        self.colours = steps.to_vec();
        self
    }

    pub(super) fn gauge(mut self, max: f64) -> Self {
        self.gauge = Some(max);
        self
    }

    pub(super) fn labels_only(mut self) -> Self {
        self.labels_only = true;
        self
    }

    pub(super) fn colour(mut self, colour: &'static str) -> Self {
        self.look.colour = Some(colour);
        self
    }

    pub(super) fn line(mut self, width: u8, fill: u8) -> Self {
        (self.look.width, self.look.fill) = (Some(width), Some(fill));
        self
    }

    pub(super) fn dashed(mut self) -> Self {
        self.look.dashed = true;
        self
    }

    /// Fills the area down to another series.
    pub(super) fn filled_to(mut self, legend: BilingualText) -> Self {
        self.look.fill_to = Some(legend);
        self
    }
}

/// Column of a table that shows a label.
#[derive(Debug, Clone)]
pub(super) struct LabelColumn {
    pub(super) label: &'static str,
    pub(super) head: BilingualText,
    /// Width in pixels; 0 for as much as there is.
    pub(super) width: u16,
}

/// Panel.
#[derive(Debug, Clone)]
pub(super) struct PanelTable {
    pub(super) visual: Visual,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) title: BilingualText,
    pub(super) description: BilingualText,
    /// Identifier in Grafana's list of units.
    pub(super) unit: &'static str,
    pub(super) decimals: Option<u8>,
    pub(super) no_value: BilingualText,
    pub(super) colours: Vec<ColourStep>,
    /// True if a graph draws the thresholds as lines.
    pub(super) threshold_lines: bool,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    pub(super) queries: Vec<PanelQuery>,
    /// Label columns of a table.
    pub(super) labels: Vec<LabelColumn>,
    /// Column by which a table is sorted, and whether its largest value is first.
    pub(super) sorted: Option<(BilingualText, bool)>,
}

/// Creates a panel of this size, in columns and rows.
pub(super) fn panel(
    visual: Visual,
    (width, height): (usize, usize),
    unit: &'static str,
    title: BilingualText,
    description: BilingualText,
) -> PanelTable {
    PanelTable {
        visual,
        width,
        height,
        title,
        description,
        unit,
        decimals: None,
        no_value: text("sin cifra", "no figure"),
        colours: Vec::new(),
        threshold_lines: false,
        min: None,
        max: None,
        queries: Vec::new(),
        labels: Vec::new(),
        sorted: None,
    }
}

impl PanelTable {
    pub(super) fn query(mut self, query: PanelQuery) -> Self {
        self.queries.push(query);
        self
    }

    pub(super) fn decimals(mut self, decimals: u8) -> Self {
        self.decimals = Some(decimals);
        self
    }

    pub(super) fn no_value(mut self, no_value: BilingualText) -> Self {
        self.no_value = no_value;
        self
    }

    pub(super) fn colours(mut self, steps: &[ColourStep]) -> Self {
        self.colours = steps.to_vec();
        self
    }

    /// Draws the thresholds as lines.
    pub(super) fn lines_at(mut self, steps: &[ColourStep]) -> Self {
        self.threshold_lines = true;
        self.colours(steps)
    }

    pub(super) fn bounds(mut self, min: f64, max: Option<f64>) -> Self {
        (self.min, self.max) = (Some(min), max);
        self
    }

    pub(super) fn label(mut self, label: &'static str, head: BilingualText, width: u16) -> Self {
        self.labels.push(LabelColumn { label, head, width });
        self
    }

    pub(super) fn sorted(mut self, head: BilingualText, largest_first: bool) -> Self {
        self.sorted = Some((head, largest_first));
        self
    }
}

/// Panels under a heading; the first section of a dashboard has none.
pub(super) struct Section {
    pub(super) heading: Option<BilingualText>,
    pub(super) panels: Vec<PanelTable>,
}
