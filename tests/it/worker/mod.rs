mod disk;
mod faults;
mod originals;
mod queue;
mod updates;
mod upkeep;
