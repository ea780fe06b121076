//! Tables as CSV (RFC 4180) that spreadsheets may open.

/// What makes a spreadsheet take a cell for a formula when the cell begins with it.
const FORMULA_SIGNS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A table that is written row by row.
#[derive(Debug, Clone, Default)]
pub struct Csv(String);

impl Csv {
    /// A table with these columns.
    pub fn new<'a>(columns: impl IntoIterator<Item = &'a str>) -> Self {
        let mut table = Self::default();
        table.row(columns);
        table
    }

    /// Adds a row.
    pub fn row<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) {
        for (number, cell) in cells.into_iter().enumerate() {
            if number > 0 {
                self.0.push(',');
            }
            self.cell(cell.as_ref());
        }
        self.0.push_str("\r\n");
    }

    fn cell(&mut self, text: &str) {
        // An apostrophe says to spreadsheets that a text follows.
        let guard = if text.starts_with(FORMULA_SIGNS) {
            "'"
        } else {
            ""
        };
        if guard.is_empty() && !text.contains([',', '"', '\r', '\n']) {
            self.0.push_str(text);
            return;
        }
        self.0.push('"');
        self.0.push_str(guard);
        self.0.push_str(&text.replace('"', "\"\""));
        self.0.push('"');
    }

    /// The whole table.
    pub fn into_text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(cells: &[&str]) -> String {
        let mut table = Csv::default();
        table.row(cells);
        table.into_text()
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let mut table = Csv::new(["day", "posts"]);
        table.row(["2026-11-22", "<3"]);
        assert_eq!(table.into_text(), "day,posts\r\n2026-11-22,<3\r\n");
        assert_eq!(
            row(&["a,b", "say \"hi\"", "two\nlines", ""]),
            "\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",\r\n"
        );
    }

    #[test]
    fn no_cell_is_a_formula() {
        for bad in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(row(&[bad]), format!("\"'{bad}\"\r\n"));
        }
    }

    /// Reads one row back as RFC 4180 says.
    fn read(line: &str) -> Vec<String> {
        let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
        let mut signs = line.strip_suffix("\r\n").unwrap().chars().peekable();
        while let Some(sign) = signs.next() {
            match sign {
                '"' if quoted && signs.next_if_eq(&'"').is_some() => cell.push('"'),
                '"' => quoted = !quoted,
                ',' if !quoted => cells.push(std::mem::take(&mut cell)),
                sign => cell.push(sign),
            }
        }
        cells.push(cell);
        cells
    }

    proptest! {
        #[test]
        fn every_row_can_be_read_back(cells in proptest::collection::vec(".*", 1..5)) {
            let texts: Vec<&str> = cells.iter().map(String::as_str).collect();
            let read = read(&row(&texts));
            prop_assert_eq!(read.len(), cells.len());
            for (read, cell) in read.iter().zip(&cells) {
                let guarded = format!("'{cell}");
                prop_assert!(read == cell || *read == guarded && cell.starts_with(FORMULA_SIGNS));
            }
        }
    }
}
