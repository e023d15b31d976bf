//! Reads the parts of a line in their plainest JSON form.
//!
//! Every function returns `None` for anything unusual; how much it consumed then does not matter, because the
//! caller leaves the whole line to the general parser.

/// The part of a line not read yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct LineScanner<'a> {
    rest: &'a [u8],
}

/// Powers of ten that a double holds exactly; as many as an exact quotient of 15 digits needs.
const POWERS_OF_TEN: [f64; 16] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

impl<'a> LineScanner<'a> {
    pub(super) fn new(line: &'a [u8]) -> Self {
        Self { rest: line }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn first(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Exactly these bytes; if others follow, nothing is consumed.
    #[inline]
    pub(super) fn literal(&mut self, bytes: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(bytes)?;
        Some(())
    }

    /// The next `N` bytes.
    pub(super) fn take<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(taken)
    }

    pub(super) fn boolean(&mut self) -> Option<bool> {
        match self.literal(b"true") {
            Some(()) => Some(true),
            None => self.literal(b"false").map(|()| false),
        }
    }

    /// Text without escapes, from behind its opening quote to behind its closing one.
    pub(super) fn text(&mut self) -> Option<&'a str> {
        let mut end = plain_text_length(self.rest);
        while let 0x80.. = self.rest.get(end)? {
            end += 1;
            end += plain_text_length(self.rest.get(end..)?);
        }
        let (text, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest.strip_prefix(b"\"")?;
        std::str::from_utf8(text).ok()
    }

    /// A whole number of at most 19 digits.
    pub(super) fn integer(&mut self) -> Option<u64> {
        let (number, _) = self.integer_digits(19)?;
        self.at_end_of_value().then_some(number)
    }

    /// Seconds with six decimals, as microseconds.
    ///
    /// Below 10⁹ seconds the nearest double times 10⁶ rounds to the same whole number.
    pub(super) fn micros(&mut self) -> Option<i64> {
        let (secs, _) = self.integer_digits(9)?;
        self.literal(b".")?;
        let (micros, places) = self.digits(secs);
        (places == 6 && self.at_end_of_value()).then_some(())?;
        i64::try_from(micros).ok()
    }

    /// A number without sign and exponent.
    ///
    /// Up to 15 digits are a whole number and a power of ten that doubles hold exactly, so their quotient is
    /// the nearest double (Clinger, "How to read floating point numbers accurately", 1990). More are given to
    /// the standard library, which finds the nearest double as well.
    pub(super) fn decimal(&mut self) -> Option<f64> {
        let start = self.rest;
        let (mut number, digits) = self.integer_digits(19)?;
        let mut places = 0;
        if self.literal(b".").is_some() {
            (number, places) = self.digits(number);
            (places > 0).then_some(())?;
        }
        self.at_end_of_value().then_some(())?;
        if digits + places <= 15 {
            #[expect(clippy::cast_precision_loss, reason = "at most 15 digits")]
            return Some(number as f64 / POWERS_OF_TEN.get(places)?);
        }
        let length = start.len() - self.rest.len();
        std::str::from_utf8(start.get(..length)?).ok()?.parse().ok()
    }

    /// One to `max_digits` digits; no leading zero, as JSON requires.
    fn integer_digits(&mut self, max_digits: usize) -> Option<(u64, usize)> {
        let leading = self.first();
        let (number, count) = self.digits(0);
        let is_whole = (1..=max_digits).contains(&count) && (count == 1 || leading != Some(b'0'));
        is_whole.then_some((number, count))
    }

    /// The digits that follow, appended to those of `number`, and how many there were. More than fit wrap:
    /// callers look at the count.
    fn digits(&mut self, number: u64) -> (u64, usize) {
        let mut number = number;
        let mut count = 0;
        while let [digit @ b'0'..=b'9', rest @ ..] = self.rest {
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            count += 1;
            self.rest = rest;
        }
        (number, count)
    }

    fn at_end_of_value(&self) -> bool {
        matches!(self.first(), Some(b',' | b'}'))
    }
}

/// The number of bytes before the first that is a quote, a backslash, a control character or not ASCII.
fn plain_text_length(text: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let (words, rest) = text.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = word ^ (ONES * 0x22);
        let backslash = word ^ (ONES * 0x5C);
        // The high bit of a byte is set where it is zero (or below 0x20); a borrow can only spoil later bytes.
        let found = (quote.wrapping_sub(ONES) & !quote)
            | (backslash.wrapping_sub(ONES) & !backslash)
            | (word.wrapping_sub(ONES * 0x20) & !word)
            | word;
        if found & HIGH != 0 {
            return index * 8 + usize::try_from((found & HIGH).trailing_zeros() / 8).unwrap_or(0);
        }
    }
    let is_plain = |byte: &u8| matches!(byte, 0x20..=0x7F) && !matches!(byte, b'"' | b'\\');
    text.len() - rest.len() + rest.iter().take_while(|byte| is_plain(byte)).count()
}
