//! The tuples that can be fields.

/// Calls a macro for the tuples of 0 to 12 parts: with the name, type, and position of each part.
macro_rules! for_each_tuple {
    ($callback:ident) => {
        $callback!();
        $callback!("0" A);
        $callback!("0" A "1" B);
        $callback!("0" A "1" B "2" C);
        $callback!("0" A "1" B "2" C "3" D0);
        $callback!("0" A "1" B "2" C "3" D0 "4" E);
        $callback!("0" A "1" B "2" C "3" D0 "4" E "5" F);
        $callback!("0" A "1" B "2" C "3" D0 "4" E "5" F "6" G);
        $callback!("0" A "1" B "2" C "3" D0 "4" E "5" F "6" G "7" H);
        $callback!("0" A "1" B "2" C "3" D0 "4" E "5" F "6" G "7" H "8" I);
        $callback!("0" A "1" B "2" C "3" D0 "4" E "5" F "6" G "7" H "8" I "9" J);
        $callback!("0" A "1" B "2" C "3" D0 "4" E "5" F "6" G "7" H "8" I "9" J "10" K);
        $callback!("0" A "1" B "2" C "3" D0 "4" E "5" F "6" G "7" H "8" I "9" J "10" K "11" L);
    };
}
pub(super) use for_each_tuple;
