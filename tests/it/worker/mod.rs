mod disk;
mod faults;
mod originals;
mod queue;
mod runner;
mod shutdown;
mod updates;
mod upkeep;
