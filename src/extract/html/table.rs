//! A table of a page while it is read.

use super::super::table::{Cell, Table};

/// The most columns or rows that a cell may say it takes.
const MAX_SPAN: usize = 100;

/// A table that is open.
pub(super) struct Frame {
    /// The cell that is open.
    pub cell: Option<Cell>,
    /// How many lists are open around the table.
    pub lists: usize,
    /// The heading that is open around the table.
    pub heading: Option<u8>,
    table: Table,
    /// For each column, the first row that no cell from above reaches into.
    free_from: Vec<usize>,
}

impl Frame {
    pub(super) fn new(is_layout: bool, lists: usize, heading: Option<u8>) -> Self {
        let table = Table { is_layout, ..Table::default() };
        Self { cell: None, lists, heading, table, free_from: Vec::new() }
    }

    pub(super) fn open_row(&mut self) {
        self.table.rows.push(Vec::new());
    }

    pub(super) fn open_cell(&mut self, columns: usize, rows: usize, is_header: bool) {
        if self.table.rows.is_empty() {
            self.open_row();
        }
        self.table.has_header |= is_header;
        self.pass_cells_from_above();
        let columns = columns.clamp(1, MAX_SPAN);
        let at = self.width();
        if rows > 1 {
            let free_from = self.table.rows.len() - 1 + rows.min(MAX_SPAN);
            self.free_from.resize(self.free_from.len().max(at + columns), 0);
            self.free_from[at..at + columns].fill(free_from);
        }
        self.cell = Some(Cell { blocks: Vec::new(), columns });
    }

    pub(super) fn close_cell(&mut self) {
        if let (Some(cell), Some(row)) = (self.cell.take(), self.table.rows.last_mut()) {
            row.push(cell);
        }
    }

    pub(super) fn into_table(self) -> Table {
        self.table
    }

    /// Leaves a place for each cell from above that reaches into this row here.
    fn pass_cells_from_above(&mut self) {
        let mut at = self.width();
        while self.free_from.get(at).is_some_and(|&row| row >= self.table.rows.len()) {
            at += 1;
            if let Some(row) = self.table.rows.last_mut() {
                row.push(Cell { blocks: Vec::new(), columns: 1 });
            }
        }
    }

    /// Columns of the cells in this row.
    fn width(&self) -> usize {
        self.table.rows.last().map_or(0, |row| row.iter().map(|cell| cell.columns).sum())
    }
}
