//! Tables and figures for people.

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Table, TableComponent};

/// A table under a title: text in the first `text` columns, figures in the others.
pub fn table(title: &str, header: &[&str], text: usize, rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY).set_header(header.iter().copied()).add_rows(rows);
    for style in [TableComponent::HorizontalLines, TableComponent::MiddleIntersections] {
        table.remove_style(style);
    }
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 1));
        if at >= text {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    format!("{title}\n{table}\n")
}

/// A figure with separators and so many places; nothing is a dash.
pub fn figure(x: f64, places: usize) -> String {
    let text = format!("{:.places$}", x.abs());
    if text.bytes().all(|b| matches!(b, b'0' | b'.')) {
        return "-".into();
    }
    let (whole, part) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut out = String::from(if x < 0.0 { "-" } else { "" });
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + part
}

/// A quantity or a price: as many places as it has, with separators.
pub fn exact(x: f64) -> String {
    let places = (0..9).find(|places| {
        let one = 10f64.powi(*places);
        ((x * one).round() / one - x).abs() < 5e-10 * x.abs().max(1.0)
    });
    if x == 0.0 {
        "0".into()
    } else {
        figure(x, places.unwrap_or(9) as usize)
    }
}

/// A share as a percentage with one place and its sign.
pub fn percent(share: f64) -> String {
    format!("{:+.1} %", share * 100.0)
}
