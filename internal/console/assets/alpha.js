// Alpha of images: a transparent scene's image is two JPEGs, color multiplied by alpha, and gray alpha. One WebGL context
// for all of the page puts them together; without one, plain JavaScript does.

let composer;

// compose returns an image with alpha, to be drawn before the next is composed, of two of the same size: color multiplied
// by alpha, and alpha.
export function compose(color, alpha) {
  composer ??= glComposer() ?? plainComposer();
  return composer(color, alpha);
}

const vertices = `
  attribute vec2 at;
  varying vec2 point;
  void main() {
    point = vec2(at.x, 1.0 - at.y);
    gl_Position = vec4(at * 2.0 - 1.0, 0.0, 1.0);
  }`;
const pixels = `
  precision mediump float;
  varying vec2 point;
  uniform sampler2D color, alpha;
  void main() {
    float a = texture2D(alpha, point).r;
    gl_FragColor = vec4(min(texture2D(color, point).rgb, a), a);
  }`;

// glComposer returns a compose that uses WebGL, null where there is none.
export function glComposer() {
  const canvas = document.createElement('canvas');
  const gl = canvas.getContext('webgl', { depth: false, antialias: false, failIfMajorPerformanceCaveat: true });
  if (!gl) return null;
  prepare(gl);
  canvas.addEventListener('webglcontextlost', (event) => event.preventDefault()); // Only then it comes back.
  canvas.addEventListener('webglcontextrestored', () => prepare(gl));
  return (color, alpha) => {
    if (canvas.width !== color.width || canvas.height !== color.height) {
      canvas.width = color.width;
      canvas.height = color.height;
      gl.viewport(0, 0, color.width, color.height);
    }
    [color, alpha].forEach((image, unit) => {
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB, gl.RGB, gl.UNSIGNED_BYTE, image);
    });
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    return canvas;
  };
}

// prepare gives a new context its program, the corners of the image, and two textures.
function prepare(gl) {
  const program = gl.createProgram();
  for (const [type, source] of [
    [gl.VERTEX_SHADER, vertices],
    [gl.FRAGMENT_SHADER, pixels],
  ]) {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.bindAttribLocation(program, 0, 'at');
  gl.linkProgram(program);
  gl.useProgram(program);
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([0, 0, 1, 0, 0, 1, 1, 1]), gl.STATIC_DRAW);
  gl.enableVertexAttribArray(0);
  gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
  ['color', 'alpha'].forEach((name, unit) => {
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
    for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER])
      gl.texParameteri(gl.TEXTURE_2D, filter, gl.NEAREST);
    gl.uniform1i(gl.getUniformLocation(program, name), unit);
  });
}

// plainComposer returns a compose without WebGL: 2 million pixels take it about 20 ms.
export function plainComposer() {
  const [context, below] = [0, 1].map(() =>
    document.createElement('canvas').getContext('2d', { willReadFrequently: true }),
  );
  return (color, alpha) => {
    const [image, mask] = [context, below].map((c, i) => {
      c.canvas.width = color.width;
      c.canvas.height = color.height;
      c.drawImage(i === 0 ? color : alpha, 0, 0);
      return c.getImageData(0, 0, color.width, color.height);
    });
    for (let p = 0; p < image.data.length; p += 4) {
      const a = mask.data[p];
      image.data[p + 3] = a;
      if (a === 0 || a === 255) continue;
      // ImageData is not multiplied by alpha. It clamps and rounds.
      for (let i = p; i < p + 3; i++) image.data[i] = (image.data[i] * 255) / a;
    }
    context.putImageData(image, 0, 0);
    return context.canvas;
  };
}
