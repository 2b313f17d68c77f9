mod faults;
mod queue;
mod upkeep;
