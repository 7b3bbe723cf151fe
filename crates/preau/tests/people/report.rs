//! What came of a scenario: figures to print, and what did not hold.

/// A scenario's outcome.
#[derive(Debug, Default)]
pub struct Report {
    pub figures: Vec<String>,
    pub broken: Vec<String>,
}

impl Report {
    /// It could not be run at all.
    pub fn fault(fault: &dyn std::error::Error) -> Report {
        Report { figures: Vec::new(), broken: vec![fault.to_string()] }
    }

    /// A figure and the bound it must keep.
    pub fn must(&mut self, holds: bool, figure: String) {
        if !holds {
            self.broken.push(figure.clone());
        }
        self.figures.push(figure);
    }

    pub fn also(&mut self, figure: String) {
        self.figures.push(figure);
    }
}
