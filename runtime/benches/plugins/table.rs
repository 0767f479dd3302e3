//! A plain table.

/// Rows of numbers that have names.
pub(crate) struct Table {
    heads: Vec<&'static str>,
    rows: Vec<(String, Vec<f64>)>,
}

impl Table {
    /// The first head is that of the names.
    pub(crate) fn new(heads: &[&'static str]) -> Self {
        Self { heads: heads.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, name: &str, numbers: &[f64]) {
        self.rows.push((name.to_owned(), numbers.to_vec()));
    }

    pub(crate) fn print(&self) {
        let [name, heads @ ..] = &self.heads[..] else { return };
        let width =
            self.rows.iter().map(|(name, _)| name.chars().count()).chain([name.chars().count()]).max();
        let width = width.unwrap_or_default();
        print!("\n{name:<width$}");
        for head in heads {
            print!(" {head:>14}");
        }
        println!();
        for (name, numbers) in &self.rows {
            print!("{name:<width$}");
            for number in numbers {
                print!(" {number:>14.2}");
            }
            println!();
        }
    }
}
