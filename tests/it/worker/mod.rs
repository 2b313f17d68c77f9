mod faults;
mod queue;
mod shutdown;
mod upkeep;
