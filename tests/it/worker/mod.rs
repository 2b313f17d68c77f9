mod faults;
mod queue;
