    .include "suite.inc"
    begin
    branches bltu, a0, a1
    end
