    .include "suite.inc"
    begin
    loads   lhu, 2
    end
