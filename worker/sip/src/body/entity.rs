//! A body, or a part of one, by the header fields that describe it (RFC 3261 sections 20.11 to 20.15, RFC 2045, RFC 5621).

use super::{BodyError, SDP, multipart, transfer_encoding};
use crate::message::{parameter, split};

/// Multipart bodies within each other.
const DEEPEST: usize = 4;
/// Parts of a message, over all depths.
const MOST_PARTS: usize = 32;

/// The header fields of a body or a part.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    content_type: Option<String>,
    encodings: Vec<String>,
    disposition: Option<String>,
    transfer_encoding: Option<String>,
    id: Option<String>,
}

impl Fields {
    /// Picks the fields out of all; of a field that may stand once, the first counts.
    pub(crate) fn of<'a>(all: impl Iterator<Item = (&'a str, &'a str)>) -> Fields {
        let mut fields = Fields::default();
        for (name, value) in all {
            let value = value.trim();
            let once = match name.to_ascii_lowercase().as_str() {
                "content-type" | "c" => &mut fields.content_type,
                "content-disposition" => &mut fields.disposition,
                "content-transfer-encoding" => &mut fields.transfer_encoding,
                "content-id" => &mut fields.id,
                "content-encoding" | "e" => {
                    fields.encodings.extend(value.split(',').map(|coding| coding.trim().to_ascii_lowercase()));
                    continue;
                }
                _ => continue,
            };
            if once.is_none() && !value.is_empty() {
                *once = Some(value.to_owned());
            }
        }
        fields.encodings.retain(|coding| !coding.is_empty() && coding != "identity");
        fields
    }

    /// Returns type and subtype in small letters.
    fn kind(&self) -> Option<String> {
        let kind = *split(self.content_type.as_deref()?, ';').first()?;
        let (kind, subtype) = kind.split_once('/').unwrap_or((kind, ""));
        Some(format!("{}/{}", kind.trim(), subtype.trim()).to_ascii_lowercase())
    }
}

/// Whether a body has to be understood (RFC 3261 section 20.11). In the order of gravity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Handling {
    /// It says that it need not be.
    Optional,
    /// It does not say; then it has to be.
    Assumed,
    /// It says that it has to be.
    Required,
}

/// How the parts of a multipart body belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subtype {
    /// All of them count: `mixed`, and what is not known (RFC 2046 section 5.1.3). The root of `related` is the first.
    Mixed,
    /// One of them counts.
    Alternative,
}

/// What a body holds.
#[derive(Debug)]
pub(super) enum Content {
    Leaf(Leaf),
    Multipart { subtype: Subtype, parts: Vec<Entity> },
    Unreadable(BodyError),
}

/// A body without parts.
#[derive(Debug)]
pub(super) struct Leaf {
    /// `application/sdp`; `None` where it does not say.
    pub(super) kind: Option<String>,
    /// Without its transfer encoding.
    pub(super) content: Result<Vec<u8>, BodyError>,
}

/// A body or a part of one.
#[derive(Debug)]
pub(crate) struct Entity {
    /// What it is for, in small letters; `None` where it does not say.
    pub(super) disposition: Option<String>,
    pub(super) handling: Handling,
    pub(super) content: Content,
}

impl Entity {
    /// Reads a body: at most 32 parts, at most 4 deep.
    pub(crate) fn read(fields: Fields, body: &[u8]) -> Entity {
        Entity::at_depth(fields, body, 0, &mut 0)
    }

    fn at_depth(fields: Fields, body: &[u8], depth: usize, parts: &mut usize) -> Entity {
        let disposition = fields.disposition.as_deref().unwrap_or_default();
        let handling = match parameter(disposition, "handling").map(str::to_ascii_lowercase).as_deref() {
            Some("optional") => Handling::Optional,
            Some("required") => Handling::Required,
            _ => Handling::Assumed,
        };
        let disposition = split(disposition, ';').first().map(|kind| kind.to_ascii_lowercase());
        let kind = fields.kind();
        let content = match kind.as_deref().and_then(|kind| kind.strip_prefix("multipart/")) {
            _ if body.is_empty() => Content::Leaf(Leaf { kind: None, content: Ok(vec![]) }),
            _ if !fields.encodings.is_empty() => Content::Unreadable(BodyError::Encoding(fields.encodings.join(", "))),
            Some(subtype) => match parts_of(subtype, &fields, body, depth, parts) {
                Ok(parts) => {
                    let subtype = if subtype == "alternative" { Subtype::Alternative } else { Subtype::Mixed };
                    Content::Multipart { subtype, parts }
                }
                Err(error) => Content::Unreadable(error),
            },
            None => {
                let content = transfer_encoding::decoded(fields.transfer_encoding.as_deref(), body);
                Content::Leaf(Leaf { kind: kind.clone(), content })
            }
        };
        Entity { disposition, handling, content }
    }

    /// Returns what has no parts, in order.
    pub(super) fn leaves(&self) -> Vec<&Leaf> {
        match &self.content {
            Content::Leaf(leaf) => vec![leaf],
            Content::Multipart { parts, .. } => parts.iter().flat_map(Entity::leaves).collect(),
            Content::Unreadable(_) => vec![],
        }
    }
}

fn parts_of(subtype: &str, fields: &Fields, body: &[u8], depth: usize, parts: &mut usize) -> Result<Vec<Entity>, BodyError> {
    let content_type = fields.content_type.as_deref().unwrap_or_default();
    let boundary = parameter(content_type, "boundary").filter(|boundary| !boundary.is_empty());
    let boundary = boundary.ok_or(BodyError::Malformed("a multipart body without a boundary"))?.replace('\\', "");
    if depth == DEEPEST {
        return Err(BodyError::Malformed("multipart bodies too deep within each other"));
    }
    let raw = multipart::parts(body, boundary.trim_end().as_bytes(), MOST_PARTS - *parts)
        .ok_or(BodyError::Malformed("a multipart body of too many parts"))?;
    *parts += raw.len();
    let mut read: Vec<(Option<String>, Entity)> = Vec::new();
    for part in raw {
        let (fields, content) = multipart::fields_and_content(part);
        let id = fields.id.clone();
        let mut entity = Entity::at_depth(fields, content, depth + 1, parts);
        if let Content::Leaf(Leaf { kind: Some(kind), content: Ok(content), .. }) = &mut entity.content
            && kind == SDP
            && !content.is_empty()
            && !content.ends_with(b"\n")
        {
            // The line break before a boundary belongs to the boundary; the last line of SDP has one of its own.
            content.extend_from_slice(b"\r\n");
        }
        read.push((id, entity));
    }
    if read.is_empty() {
        return Err(BodyError::Malformed("a multipart body without parts"));
    }
    match subtype {
        // The other part is the signature of the first (RFC 1847 section 2.1); nothing here depends on it.
        "signed" => read.truncate(1),
        "related" => {
            let start = parameter(content_type, "start");
            let root = start.and_then(|start| read.iter().position(|(id, _)| id.as_deref() == Some(start))).unwrap_or(0);
            read[..=root].rotate_right(1);
        }
        _ => {}
    }
    Ok(read.into_iter().map(|(_, entity)| entity).collect())
}
