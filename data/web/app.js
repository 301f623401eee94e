// The console's first page: whether the host answers.
const state = document.getElementById('state');
try {
	const answer = await fetch('/api/v1/info');
	const info = await answer.json();
	state.textContent = answer.ok ? `This is ${info.name}.` : info.error;
} catch (error) {
	state.textContent = `The host does not answer: ${error.message}`;
}
