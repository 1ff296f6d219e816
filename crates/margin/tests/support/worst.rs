//! The worst of what a test sees, printed and bounded.

/// The largest number seen, and where.
#[derive(Debug)]
pub struct Worst(f64, String);

impl Worst {
    pub fn new() -> Self {
        Self(0.0, String::new())
    }
    pub fn see(&mut self, error: f64, place: impl FnOnce() -> String) {
        // Not a number counts as the worst.
        if error.is_nan() || error > self.0 {
            *self = Self(error, place());
        }
    }
    pub fn at_most(&self, bound: f64, what: &str) {
        println!("{what}: worst {:.3e} of {bound:.1e} at {}", self.0, self.1);
        assert!(self.0 <= bound, "{what}: {self:?} above {bound:e}");
    }
}
