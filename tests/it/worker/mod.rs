mod faults;
mod queue;
mod upkeep;
mod windows;
