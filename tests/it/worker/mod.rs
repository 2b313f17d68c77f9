mod disk;
mod faults;
mod originals;
mod queue;
mod runner;
mod updates;
mod upkeep;
