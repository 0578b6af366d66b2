// Sends back every byte, plus one; FF only after 150,000 clocks. Bits last 4 clocks, written by hand from the description.
module echo(input clk, input rst, input rx, output tx, output interrupt);
  reg [7:0] fifo [0:255];
  reg [7:0] head = 0, tail = 0, in = 0;
  reg [3:0] in_bit = 0, out_bit = 0;
  reg [1:0] in_clock = 0, out_clock = 0;
  reg [9:0] out = 10'h3ff;
  reg [17:0] delay = 0;
  reg busy = 0;
  assign interrupt = delay != 0;
  assign tx = out[0];
  always @(posedge clk) begin
    if (!busy) begin
      busy <= !rx && !rst; in_bit <= 0; in_clock <= 1;
    end else begin
      in_clock <= in_clock + 1;
      if (in_clock == 2) begin
        in_bit <= in_bit + 1;
        if (in_bit >= 1 && in_bit <= 8) in <= {rx, in[7:1]};
        if (in_bit == 9) begin
          busy <= 0;
          if (rx) begin fifo[head] <= in; head <= head + 1; end
          if (rx && in == 8'hff) delay <= 150000;
        end
      end
    end
    if (delay != 0) delay <= delay - 1;
    if (out_bit == 0) begin
      if (head != tail && delay == 0) begin
        out <= {1'b1, fifo[tail] + 8'd1, 1'b0}; tail <= tail + 1; out_bit <= 10; out_clock <= 0;
      end
    end else begin
      out_clock <= out_clock + 1;
      if (out_clock == 3) begin out <= {1'b1, out[9:1]}; out_bit <= out_bit - 1; end
    end
    if (rst) begin head <= 0; tail <= 0; busy <= 0; out_bit <= 0; out <= 10'h3ff; delay <= 0; end
  end
endmodule
