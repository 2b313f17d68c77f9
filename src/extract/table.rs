//! Whether a table is data in rows or a way to place things on a page, for the formats in which it can be either.

use super::block::Block;

/// Cells with more than this are parts of a page.
const MAX_CELL_BLOCKS: usize = 10;
const MAX_CELL_BYTES: usize = 2000;

#[derive(Default)]
pub(super) struct Cell {
    pub blocks: Vec<Block>,
    /// The columns that it takes, at least one.
    pub columns: usize,
}

/// A table, row by row.
#[derive(Default)]
pub(super) struct Table {
    pub rows: Vec<Vec<Cell>>,
    /// Its author says that it holds data.
    pub has_header: bool,
    /// Its author says that it only places things.
    pub is_layout: bool,
}

impl Table {
    /// The table, or what it places.
    pub(super) fn into_blocks(self) -> Vec<Block> {
        if self.places_things() {
            return self.rows.into_iter().flatten().flat_map(|cell| cell.blocks).collect();
        }
        let rows = self.rows.into_iter().map(|row| {
            let cells = row.into_iter().flat_map(|cell| {
                let rest = std::iter::repeat_n(String::new(), cell.columns.saturating_sub(1));
                std::iter::once(words(&cell.blocks)).chain(rest)
            });
            cells.collect()
        });
        vec![Block::Table(rows.collect())]
    }

    fn places_things(&self) -> bool {
        let mut cells = self.rows.iter().flatten();
        let nests = cells.clone().any(|cell| cell.blocks.iter().any(|block| matches!(block, Block::Table(_))));
        let is_column = self.rows.iter().all(|row| row.len() <= 1);
        self.is_layout || nests || is_column || (!self.has_header && cells.any(is_part_of_page))
    }
}

fn is_part_of_page(cell: &Cell) -> bool {
    cell.blocks.len() > MAX_CELL_BLOCKS
        || cell.blocks.iter().map(|block| text_of(block).map_or(0, str::len)).sum::<usize>() > MAX_CELL_BYTES
        || cell.blocks.iter().any(|block| matches!(block, Block::Heading { .. }))
}

/// What a cell says, without its structure.
fn words(blocks: &[Block]) -> String {
    blocks.iter().filter_map(text_of).collect::<Vec<_>>().join(" ")
}

fn text_of(block: &Block) -> Option<&str> {
    match block {
        Block::Heading { text, .. }
        | Block::Paragraph(text)
        | Block::Item { text, .. }
        | Block::Code { text, .. }
        | Block::Markdown(text) => Some(text),
        Block::Table(_) | Block::Page => None,
    }
}
