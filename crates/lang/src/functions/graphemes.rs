//! Characters as people count them.

use unicode_segmentation::UnicodeSegmentation;

/// The grapheme clusters of a text, as Unicode 15.0 has them. Later versions join consonants of Indic scripts into one
/// cluster where a virama stands between them (rule GB9c); Terraform does not.
pub(super) fn graphemes(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    text.graphemes(true).flat_map(parts)
}

/// A cluster, taken apart where rule GB9c has joined it.
fn parts(cluster: &str) -> impl DoubleEndedIterator<Item = &str> {
    let seams: Vec<usize> =
        cluster.char_indices().skip(1).filter(|found| is_seam(cluster, *found)).map(|(at, _)| at).collect();
    (0..=seams.len()).map(move |i| {
        let start = i.checked_sub(1).map_or(0, |before| seams[before]);
        &cluster[start..seams.get(i).copied().unwrap_or(cluster.len())]
    })
}

/// Whether only what stands further in front joins this character to the one before it.
fn is_seam(cluster: &str, (at, c): (usize, char)) -> bool {
    // Where all scripts with a virama are, and no emoji: those are joined over a distance, too.
    if !matches!(c, '\u{900}'..='\u{1fff}' | '\u{a000}'..='\u{abff}' | '\u{10000}'..='\u{11fff}') {
        return false;
    }
    let before = cluster[..at].chars().next_back().map_or(0, char::len_utf8);
    cluster[at - before..at + c.len_utf8()].graphemes(true).count() > 1
}
