//! Shapes of box-drawing and block characters that must join their neighbors without a seam.

use super::{CELL_HEIGHT, CELL_WIDTH};

/// Stroke of a thin line.
const THIN_STROKE: f64 = 1.1;
/// Stroke of a heavy line.
const HEAVY_STROKE: f64 = 3.0;

/// Whether a run of this character is drawn as one shape, so that no seam shows.
pub(super) fn is_joined(symbol: &str) -> bool {
    matches!(symbol, "─" | "━" | "█" | "▁" | "▂" | "▃" | "▄" | "▅" | "▆" | "▇")
}

/// The shape of a box-drawing or block character that begins at `left`, `top` and is `width` wide (one
/// cell, or more for a run of a character that [`is_joined`]).
pub(super) fn shape(symbol: &str, (left, top): (f64, f64), width: f64, color: &str) -> Option<String> {
    let (right, bottom) = (left + width, top + CELL_HEIGHT);
    let (x, y) = (left + CELL_WIDTH / 2.0, top + CELL_HEIGHT / 2.0);
    let line = |path: String, stroke: f64| {
        Some(format!(r#"<path d="{path}" fill="none" stroke="{color}" stroke-width="{stroke}"/>"#))
    };
    let block = |from_left: f64, from_top: f64, width: f64, height: f64| {
        Some(format!(
            r#"<rect x="{:.2}" y="{:.2}" width="{width:.2}" height="{height:.2}" fill="{color}" shape-rendering="crispEdges"/>"#,
            left + from_left,
            top + from_top
        ))
    };
    let level = |eighths: f64| {
        let height = CELL_HEIGHT * eighths / 8.0;
        block(0.0, CELL_HEIGHT - height, width, height)
    };
    let part = |eighths: f64| block(0.0, 0.0, CELL_WIDTH * eighths / 8.0, CELL_HEIGHT);
    match symbol {
        "─" => line(format!("M{left:.1} {y:.1}H{right:.1}"), THIN_STROKE),
        "│" => line(format!("M{x:.1} {top:.1}V{bottom:.1}"), THIN_STROKE),
        "━" => line(format!("M{left:.1} {y:.1}H{right:.1}"), HEAVY_STROKE),
        "┤" => line(format!("M{left:.1} {y:.1}H{x:.1}M{x:.1} {top:.1}V{bottom:.1}"), THIN_STROKE),
        "┄" => {
            let (first, second) = (left + CELL_WIDTH * 0.1, left + CELL_WIDTH * 0.6);
            let dash = CELL_WIDTH * 0.3;
            line(format!("M{first:.1} {y:.1}h{dash:.1}M{second:.1} {y:.1}h{dash:.1}"), THIN_STROKE)
        }
        "╳" => {
            let reach = CELL_WIDTH * 0.52;
            let (west, north, side) = (x - reach, y - reach, 2.0 * reach);
            line(format!("M{west:.1} {north:.1}l{side:.1} {side:.1}m0 -{side:.1}l-{side:.1} {side:.1}"), 1.8)
        }
        "╭" => line(format!("M{x:.1} {bottom:.1}Q{x:.1} {y:.1} {right:.1} {y:.1}"), THIN_STROKE),
        "╮" => line(format!("M{left:.1} {y:.1}Q{x:.1} {y:.1} {x:.1} {bottom:.1}"), THIN_STROKE),
        "╰" => line(format!("M{x:.1} {top:.1}Q{x:.1} {y:.1} {right:.1} {y:.1}"), THIN_STROKE),
        "╯" => line(format!("M{left:.1} {y:.1}Q{x:.1} {y:.1} {x:.1} {top:.1}"), THIN_STROKE),
        "█" => block(0.0, 0.0, width, CELL_HEIGHT),
        "▏" => part(1.0),
        "▎" => part(2.0),
        "▍" => part(3.0),
        "▌" => part(4.0),
        "▋" => part(5.0),
        "▊" => part(6.0),
        "▉" => part(7.0),
        "▁" => level(1.0),
        "▂" => level(2.0),
        "▃" => level(3.0),
        "▄" => level(4.0),
        "▅" => level(5.0),
        "▆" => level(6.0),
        "▇" => level(7.0),
        _ => None,
    }
}
