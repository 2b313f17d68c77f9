mod faults;
mod queue;
mod updates;
mod upkeep;
