//! Equations of Office documents (OMML) on one line.

use super::{ExtractError, xml::Xml};

/// The equation in the element that was entered last.
pub(super) fn equation(xml: &mut Xml<'_>) -> Result<String, ExtractError> {
    let mut line = String::new();
    xml.children(|xml, element| {
        let sign = match element.name() {
            "t" => {
                line.push_str(&xml.text()?);
                return Ok(());
            }
            "chr" => {
                line.push_str(&element.attribute("val").unwrap_or_default());
                return Ok(());
            }
            "den" => "/",
            "sup" => "^",
            "sub" => "_",
            _ => "",
        };
        let inner = equation(xml)?;
        if !inner.is_empty() {
            line.push_str(sign);
            line.push_str(&inner);
        }
        Ok(())
    })?;
    Ok(line)
}
