//! The pages: an index, and field notices made from a seed.
//!
//! The same seed and number always give the same notice, so a client can be checked against
//! what it should have received, and two runs are about the same bytes.

use std::fmt::Write;
use std::rc::Rc;

/// All pages of the site, in memory.
#[derive(Debug)]
pub(crate) struct Pages {
    index: Rc<[u8]>,
    notices: Vec<Rc<[u8]>>,
}

impl Pages {
    pub(crate) fn new(notices: usize, seed: u64) -> Self {
        let made: Vec<_> = (1..=notices).map(|number| Notice::new(number, seed)).collect();
        Self {
            index: Rc::from(index(&made).into_bytes()),
            notices: made.iter().map(|notice| Rc::from(notice.to_html().into_bytes())).collect(),
        }
    }

    pub(crate) fn index(&self) -> Rc<[u8]> {
        Rc::clone(&self.index)
    }

    /// The notice of this number; they are numbered from 1.
    pub(crate) fn notice(&self, number: usize) -> Option<Rc<[u8]>> {
        self.notices.get(number.checked_sub(1)?).map(Rc::clone)
    }
}

struct Notice {
    number: usize,
    product: String,
    fault: &'static str,
    severity: &'static str,
    /// Yields the text, from where the fields above left it.
    random: Random,
}

impl Notice {
    fn new(number: usize, seed: u64) -> Self {
        // A notice has its own stream, so that its text does not depend on how many there are.
        let own = (number as u64).wrapping_mul(0xD134_2543_DE82_EF95);
        let mut random = Random(seed.wrapping_mul(0x2545_F491_4F6C_DD1D) ^ own);
        let product = format!("{} {}", random.pick(PRODUCTS), 100 + random.below(89) * 10);
        let fault = random.pick(FAULTS);
        let severity = random.pick(SEVERITIES);
        Self { number, product, fault, severity, random }
    }

    fn title(&self) -> String {
        format!("FN-{:05}: {} {}", self.number, self.product, self.fault)
    }

    fn to_html(&self) -> String {
        let mut random = self.random.clone();
        let size = SMALLEST + random.below(LARGEST - SMALLEST + 1 - SLACK);
        let mut html = String::with_capacity(size + SLACK);
        let title = self.title();
        let year = 2010 + random.below(15);
        let month = 1 + random.below(12);
        let day = 1 + random.below(28);
        let _ = write!(
            html,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\
             <title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n<dl>\n\
             <dt>Product</dt><dd>{}</dd>\n<dt>Severity</dt><dd>{}</dd>\n\
             <dt>Published</dt><dd>{year}-{month:02}-{day:02}</dd>\n</dl>\n",
            self.product, self.severity,
        );
        let mut sections = SECTIONS.iter();
        while html.len() < size {
            if let Some(section) = sections.next() {
                let _ = writeln!(html, "<h2>{section}</h2>");
            }
            html.push_str("<p>");
            for _ in 0..4 + random.below(5) {
                random.write_sentence(&mut html);
            }
            html.push_str("</p>\n");
        }
        html.push_str("<p><a href=\"/\">All notices</a></p>\n</body>\n</html>\n");
        html
    }
}

fn index(notices: &[Notice]) -> String {
    let mut html = String::from(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\
         <title>Field notices</title></head>\n<body>\n<h1>Field notices</h1>\n<ul>\n",
    );
    for notice in notices {
        let (number, title) = (notice.number, notice.title());
        let _ = writeln!(html, "<li><a href=\"/notices/{number}\">{title}</a></li>");
    }
    html.push_str("</ul>\n</body>\n</html>\n");
    html
}

/// `SplitMix64`: small, and good enough for text.
#[derive(Clone)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; its bias does not matter for bounds this small.
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap_or(0)
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    fn write_sentence(&mut self, html: &mut String) {
        let _ = write!(
            html,
            "{} {} {} {} {} {}. ",
            self.pick(OPENINGS),
            self.pick(SUBJECTS),
            self.pick(VERBS),
            self.pick(OBJECTS),
            self.pick(WHEN),
            self.pick(CLOSINGS),
        );
    }
}

const SMALLEST: usize = 20_000;
const LARGEST: usize = 80_000;
/// One paragraph and the end of the page at most exceed the size that was drawn.
const SLACK: usize = 2_000;

const PRODUCTS: &[&str] =
    &["Router R", "Switch S", "Firewall F", "Access point A", "Controller C", "Line card L"];
const FAULTS: &[&str] = &[
    "restarts without a reason",
    "stops forwarding after 90 days",
    "loses its configuration at power-up",
    "reports a fan that is not there",
    "drops frames at full load",
    "does not answer on its console port",
    "shows the wrong temperature",
];
const SEVERITIES: &[&str] = &["low", "medium", "high", "critical"];
const SECTIONS: &[&str] =
    &["Problem", "Background", "Symptoms", "Workaround", "Solution", "How to tell", "History"];
const OPENINGS: &[&str] =
    &["In the field,", "In the laboratory,", "As a rule,", "On some units,", "After an upgrade,"];
const SUBJECTS: &[&str] = &[
    "the supervisor",
    "a spare power supply",
    "the forwarding table",
    "the second fan tray",
    "the flash memory",
    "the management port",
];
const VERBS: &[&str] =
    &["does not confirm", "delays", "repeats", "discards", "reports late", "counts twice"];
const OBJECTS: &[&str] = &[
    "the keep-alive of its neighbour",
    "every fourth heartbeat",
    "a part of the routes",
    "the reading of a sensor",
    "the request to restart",
];
const WHEN: &[&str] = &[
    "while traffic is high",
    "when the clock is set back",
    "within an hour of start-up",
    "under a heat of more than 40 degrees",
];
const CLOSINGS: &[&str] = &[
    "and recovers by itself",
    "until an operator steps in",
    "which the log shows as an error",
    "without any effect on the users",
    "and the standby unit takes over",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn text(page: &[u8]) -> &str {
        std::str::from_utf8(page).expect("pages are text")
    }

    #[test]
    fn the_same_seed_gives_the_same_pages() {
        let (one, two) = (Pages::new(30, 7), Pages::new(30, 7));
        assert_eq!(one.index(), two.index());
        assert!((1..=30).all(|number| one.notice(number) == two.notice(number)));
    }

    #[test]
    fn another_seed_gives_other_pages() {
        assert_ne!(Pages::new(3, 1).notice(2), Pages::new(3, 2).notice(2));
    }

    #[test]
    fn a_notice_does_not_depend_on_how_many_there_are() {
        assert_eq!(Pages::new(5, 1).notice(5), Pages::new(50, 1).notice(5));
    }

    #[test]
    fn notices_have_20_to_80_kilobytes_and_differ() {
        let pages = Pages::new(300, 1);
        let sizes: Vec<_> = (1..=300).filter_map(|n| pages.notice(n)).map(|p| p.len()).collect();
        assert_eq!(sizes.len(), 300);
        assert!(sizes.iter().all(|size| (SMALLEST..=LARGEST).contains(size)));
        let mean = sizes.iter().sum::<usize>() / sizes.len();
        assert!((45_000..=55_000).contains(&mean), "mean {mean}");
    }

    #[test]
    fn the_index_links_every_notice() {
        let pages = Pages::new(40, 1);
        let index = pages.index();
        for number in 1..=40 {
            let page = pages.notice(number).expect("numbered from 1");
            let title = text(&page).split("<title>").nth(1).and_then(|t| t.split('<').next());
            let title = title.expect("a notice has a title");
            assert!(title.starts_with(&format!("FN-{number:05}: ")), "{title}");
            let link = format!("<a href=\"/notices/{number}\">{title}</a>");
            assert!(text(&index).contains(&link), "{link}");
        }
    }

    #[test]
    fn there_is_no_notice_outside_the_numbers() {
        let pages = Pages::new(2, 1);
        assert!(pages.notice(0).is_none());
        assert!(pages.notice(3).is_none());
    }
}
