//! `tvae-tui`: explore and train Transformer-VAEs in the terminal.

use std::process::ExitCode;

use tvae_tui::numeric::memory::Keeping;

#[global_allocator]
static ALLOCATOR: Keeping<mimalloc::MiMalloc> = Keeping::new(mimalloc::MiMalloc);

fn main() -> ExitCode {
    // We thread by shard and by request; candle's own pool would compete for the same cores.
    if std::env::var_os("CANDLE_NUM_THREADS").is_none() {
        std::env::set_var("CANDLE_NUM_THREADS", "1");
    }
    tvae_tui::cli::run()
}
