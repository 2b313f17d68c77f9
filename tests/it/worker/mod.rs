mod faults;
mod originals;
mod queue;
mod runner;
mod upkeep;
