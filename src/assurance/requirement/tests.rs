mod golden;
mod language;
